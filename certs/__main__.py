"""`python -m certs throw-away FOLDER NAME…`: a CA and a serving certificate for trying things out on this machine."""

import argparse
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from certs.authority import make_ca, make_leaf

_LIFETIME = timedelta(days=7)


def main(arguments: list[str] | None = None) -> int:
    """Write ca.crt, tls.crt and tls.key into a folder; the CA's key is thrown away."""
    parser = argparse.ArgumentParser(prog="python -m certs", description=__doc__)
    commands = parser.add_subparsers(required=True)
    throw_away = commands.add_parser("throw-away", help="write ca.crt, tls.crt and tls.key into a folder")
    throw_away.add_argument("folder", type=Path)
    throw_away.add_argument("names", nargs="+", metavar="NAME", help="a DNS name or an IP address")
    chosen = parser.parse_args(arguments)
    try:
        write(chosen.folder, tuple(chosen.names), datetime.now(UTC))
    except OSError as error:
        sys.stderr.write(f"python -m certs: {error.filename}: {error.strerror}\n")
        return 2
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


if __name__ == "__main__":
    sys.exit(main())
