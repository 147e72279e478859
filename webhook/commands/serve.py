"""`cni-guard serve`: checks the settings, then replaces the process with gunicorn."""

import argparse
import os
import re
import socket
import sys
from pathlib import Path
from typing import NoReturn

from webhook import tls
from webhook.commands.output import UsageError
from webhook.live import Settings

_BIND = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^\[\]:\s]*)):(?P<port>\d{1,5})")
_HIGHEST_PORT = 65535
_PACKAGE = Path(__file__).parent.parent


def add(parser: argparse.ArgumentParser) -> None:
    """Add the flags; each overrides an environment variable."""
    parser.description = "Serve the admission webhook over TLS."
    for flag, default, says in (
        ("bind", "0.0.0.0:8443", "ADDRESS:PORT to listen on, IPv6 in brackets (default: %(default)s)"),
        ("tls-cert", None, "certificate chain, PEM; reloaded when it changes"),
        ("tls-key", None, "private key of the certificate, PEM; reloaded when it changes"),
        (
            "policy",
            None,
            "policy file, YAML; reloaded when it changes (default: the built-in policy, which enforces)",
        ),
        (
            "facts",
            None,
            "snapshot of the cluster, as `cni-guard facts --watch` keeps it; reloaded when it changes (default: none)",
        ),
    ):
        variable = "CNI_GUARD_" + flag.upper().replace("-", "_")
        value = os.environ.get(variable) or default
        parser.add_argument(f"--{flag}", default=value, metavar=flag.upper(), help=f"{says} [{variable}]")


def run(arguments: argparse.Namespace) -> int:
    """Replace this process with gunicorn.

    Raises:
        UsageError: The certificate, the key or the address cannot be used.
    """
    settings = _settings(arguments)
    _try_pair(settings.files)
    _try_port(settings.bind)
    return _become_gunicorn(settings)


def _become_gunicorn(settings: Settings) -> NoReturn:
    # gunicorn puts the working directory first on sys.path: a directory named webhook there must not be imported.
    os.chdir(_PACKAGE.parent)
    sys.stdout.flush()
    command = [sys.executable, "-P", "-m", "gunicorn", "-c", str(_PACKAGE / "gunicorn.conf.py")]
    os.execve(sys.executable, command, os.environ | settings.environment())


def _settings(arguments: argparse.Namespace) -> Settings:
    """The settings, with absolute paths because the process changes its working directory."""
    for flag in ("tls_cert", "tls_key"):
        if not getattr(arguments, flag):
            name = flag.replace("_", "-")
            reason = f"the webhook is served over TLS only: set --{name} FILE or CNI_GUARD_{flag.upper()}"
            raise UsageError(reason)
    files = tls.Files(Path(arguments.tls_cert).absolute(), Path(arguments.tls_key).absolute())
    # A policy or snapshot that cannot be read does not stop the guard: it runs without it and reports that.
    policy, facts = (Path(file).absolute() if file else None for file in (arguments.policy, arguments.facts))
    return Settings(arguments.bind, files, policy, facts)


def _try_pair(files: tls.Files) -> None:
    try:
        tls.load(files.read(), files)
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}"
        raise UsageError(reason) from error
    except tls.PairError as error:
        raise UsageError(str(error)) from error


def _try_port(bind: str) -> None:
    """Bind the address once and release it: gunicorn would retry for five seconds, and report less."""
    match = _BIND.fullmatch(bind)
    if not match or int(match["port"]) > _HIGHEST_PORT:
        reason = f"--bind {bind}: expected ADDRESS:PORT, such as 0.0.0.0:8443 or [::]:8443"
        raise UsageError(reason)
    host = match["six"] or match["host"]  # an empty host means all addresses
    family = socket.AF_INET6 if match["six"] else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(match["port"])))
        except OSError as error:
            reason = f"--bind {bind}: {error.strerror or error}: choose another address or port"
            raise UsageError(reason) from error
