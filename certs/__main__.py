"""Creates certificates and registers cni-guard: `install` for a cluster, `throw-away` for this machine."""

import argparse
import os
import re
import signal
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path

from certs.authority import make_ca, make_leaf
from certs.errors import InstallError, UsageError

_LIFETIME = timedelta(days=7)
_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_HIGHEST_PORT = 65535
_LONGEST_WAIT = 3600
"""Seconds; waiting longer than an hour would not help."""


def main(arguments: list[str] | None = None) -> int:
    """Run a command.

    Returns:
        The exit code: 0 for success, 1 for failure, 2 for a usage error.
    """
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
    """Create a CA and a certificate for the names, and write them to the folder.

    Raises:
        OSError: The folder cannot be written.
    """
    ca = make_ca(now, _LIFETIME)
    leaf = make_leaf(ca, names, now, _LIFETIME)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ca.crt").write_bytes(ca.certificate_pem)
    (folder / "tls.crt").write_bytes(leaf.certificate_pem)
    key = folder / "tls.key"
    key.touch(mode=0o600)
    key.write_bytes(leaf.key_pem)


def own_namespace(environment: Mapping[str, str], file: Path = _NAMESPACE_FILE) -> str:
    """The namespace of this pod; `cni-guard` outside a pod."""
    if named := environment.get("POD_NAMESPACE"):
        return named
    try:
        return file.read_text().strip() or "cni-guard"
    except OSError:
        return "cni-guard"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m certs", description=__doc__)
    commands = parser.add_subparsers(required=True)

    throw_away = commands.add_parser("throw-away", help="write ca.crt, tls.crt and tls.key, valid for a week")
    throw_away.add_argument("folder", type=Path)
    throw_away.add_argument("names", nargs="+", metavar="NAME", help="a DNS name or an IP address")
    throw_away.set_defaults(run=lambda chosen: write(chosen.folder, tuple(chosen.names), datetime.now(UTC)))

    install = commands.add_parser(
        "install", help="create the certificates, register the webhooks, and verify that cni-guard answers"
    )
    flag = install.add_argument
    flag("--webhooks", type=Path, required=True, metavar="FILE", help="webhook configurations without a caBundle")
    flag("--namespace", type=_name, default=own_namespace(os.environ), help="namespace (default: the pod's)")
    flag("--service", type=_name, default="cni-guard", help="Service that the API server calls (default: cni-guard)")
    flag("--port", type=_port, default=8443, help="port of the Service (default: 8443)")
    flag("--secret", type=_name, default="cni-guard-tls", help="Secret for the certificate (default: cni-guard-tls)")
    flag("--timeout", type=_seconds, default=120.0, metavar="SECONDS", help="how long to wait (default: 120)")
    flag(
        "--lease-seconds",
        type=int,
        choices=range(1, 601),
        default=15,
        metavar="SECONDS",
        help="how long a killed run can block the next one (default: 15)",
    )
    install.set_defaults(run=_install)
    return parser


def _install(chosen: argparse.Namespace) -> None:
    # Only this command needs the Kubernetes client, which is slow to import.
    import_module("certs.install_command").run(chosen)


def _failed(reason: str, code: int) -> int:
    sys.stderr.write(f"python -m certs: {reason}\n")
    return code


def _name(text: str) -> str:
    """A DNS label, since it becomes part of certificates and match conditions."""
    if not re.fullmatch(_LABEL, text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a DNS label (lowercase letters, digits, hyphens)")
    return text


def _port(text: str) -> int:
    if not (text.isdecimal() and 0 < int(text) <= _HIGHEST_PORT):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port number from 1 to {_HIGHEST_PORT}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= _LONGEST_WAIT:
        raise argparse.ArgumentTypeError(f"{text!r} must be a number of seconds from 1 to {_LONGEST_WAIT}")
    return seconds


def _terminated(number: int, _frame: object) -> None:
    """Exit by an exception, so that the Lease is released and the canary's configuration is removed."""
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminated)
    sys.exit(main())
