"""Certificates and registration of the guard: `install` in a cluster, `throw-away` on this machine."""

import argparse
import os
import re
import signal
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from certs.authority import make_ca, make_leaf
from certs.errors import InstallError, UsageError

_LIFETIME = timedelta(days=7)
_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_LONGEST_PORT = 65535


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return the exit code: 0 done, 1 not done, 2 wrong usage."""
    chosen = _parser().parse_args(arguments)
    try:
        run: Callable[[argparse.Namespace], None] = chosen.run
        run(chosen)
    except UsageError as error:
        return _failed(str(error), 2)
    except InstallError as error:
        return _failed(str(error), 1)
    except OSError as error:
        return _failed(f"{error.filename}: {error.strerror}", 2)
    return 0


def write(folder: Path, names: tuple[str, ...], now: datetime) -> None:
    """Make a CA and a certificate for the names. Raises OSError where the folder can not be written."""
    ca = make_ca(now, _LIFETIME)
    leaf = make_leaf(ca, names, now, _LIFETIME)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ca.crt").write_bytes(ca.certificate_pem)
    (folder / "tls.crt").write_bytes(leaf.certificate_pem)
    key = folder / "tls.key"
    key.touch(mode=0o600)
    key.write_bytes(leaf.key_pem)


def own_namespace(environment: Mapping[str, str], file: Path = _NAMESPACE_FILE) -> str:
    """The namespace that we run in, else the usual one."""
    if named := environment.get("POD_NAMESPACE"):
        return named
    try:
        return file.read_text().strip() or "cni-guard"
    except OSError:
        return "cni-guard"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m certs", description=__doc__)
    commands = parser.add_subparsers(required=True)

    throw_away = commands.add_parser("throw-away", help="write ca.crt, tls.crt and tls.key into a folder, for a week")
    throw_away.add_argument("folder", type=Path)
    throw_away.add_argument("names", nargs="+", metavar="NAME", help="a DNS name or an IP address")
    throw_away.set_defaults(run=lambda chosen: write(chosen.folder, tuple(chosen.names), datetime.now(UTC)))

    install = commands.add_parser(
        "install", help="make the certificates, register the guard, and prove that it answers"
    )
    flag = install.add_argument
    flag("--webhooks", type=Path, required=True, metavar="FILE", help="the webhook configurations, without caBundle")
    flag("--namespace", type=_name, default=own_namespace(os.environ), help="of the guard (default: the pod's own)")
    flag("--service", type=_name, default="cni-guard", help="by which the API server calls it (default: cni-guard)")
    flag("--port", type=_port, default=8443, help="of the Service (default: 8443)")
    flag("--secret", type=_name, default="cni-guard-tls", help="for the certificate (default: cni-guard-tls)")
    flag("--timeout", type=_seconds, default=120.0, metavar="SECONDS", help="until it must answer (default: 120)")
    flag(
        "--lease-seconds",
        type=int,
        choices=range(1, 601),
        default=15,
        metavar="SECONDS",
        help="after which a run that was killed no longer holds up the next (default: 15)",
    )
    install.set_defaults(run=_install)
    return parser


def _install(chosen: argparse.Namespace) -> None:
    # Only this command needs the client of the API server, which takes its time to be imported.
    from certs.cluster import Cluster, credentials  # noqa: PLC0415
    from certs.install import Settings, install  # noqa: PLC0415
    from certs.registration import read  # noqa: PLC0415

    try:
        configurations = read(chosen.webhooks.read_text())
    except (UsageError, ValueError) as error:
        raise UsageError(f"{chosen.webhooks}: {error}") from error
    settings = Settings(
        chosen.namespace, chosen.service, chosen.port, chosen.secret, chosen.timeout, chosen.lease_seconds
    )
    with Cluster(credentials(os.environ), settings.namespace, _say) as cluster:
        install(cluster, settings, configurations, _say)
    _say("installed")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _failed(reason: str, code: int) -> int:
    sys.stderr.write(f"python -m certs: {reason}\n")
    return code


def _name(text: str) -> str:
    """Take a DNS label: it goes into certificates and conditions."""
    if not re.fullmatch(_LABEL, text):
        raise argparse.ArgumentTypeError(f"{text!r} is no name of an object")
    return text


def _port(text: str) -> int:
    if not (text.isdecimal() and 0 < int(text) <= _LONGEST_PORT):
        raise argparse.ArgumentTypeError(f"{text!r} is no port")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 3600:  # noqa: PLR2004 - a Job that waits for an hour waits for nothing
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds between 1 and 3600")
    return seconds


def _terminated(number: int, _frame: object) -> None:
    """End as an error ends, so that the Lease is released and nothing is left behind."""
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminated)
    sys.exit(main())
