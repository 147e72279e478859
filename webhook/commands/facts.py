"""`cni-guard facts`: a snapshot of the cluster, once or kept current."""

import argparse
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from webhook import process
from webhook.cluster.client import Client, connect
from webhook.cluster.errors import ApiError
from webhook.cluster.keep import keep
from webhook.cluster.once import take
from webhook.commands.output import UsageError, complain, say
from webhook.facts.files import write_file
from webhook.facts.snapshot import encode

_HELP = """\
Read from the API server what rules need to know of the cluster, and print it as one JSON object (a snapshot),
for `check --facts`, `review --facts` and `serve --facts`. It only lists and watches, and reads no Secrets.
It uses the kubeconfig in KUBECONFIG, in a pod the service account, else ~/.kube/config."""

_EXIT = """\
A fact that the API server forbids to read is left out, with a warning that names the right.

exit codes:
  0  the snapshot is complete but for what is forbidden
  2  wrong usage, no usable kubeconfig, or the API server is unreachable or rejects the credentials

examples:
  cni-guard facts --output snapshot.json && cni-guard check --facts snapshot.json manifests/
  cni-guard facts --watch --output /facts/snapshot.json"""


def add(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.description = _HELP
    parser.epilog = _EXIT
    parser.add_argument("--output", metavar="FILE", help="write to a file, replaced atomically (default: stdout)")
    parser.add_argument(
        "--watch",
        action="store_true",
        help="keep the file current: write it within seconds of a change, and at least every minute",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print or write the snapshot.

    Raises:
        UsageError: The flags are wrong, or the API server cannot be read.
    """
    if arguments.watch and not arguments.output:
        raise UsageError("--watch keeps a file current: set --output FILE")
    if arguments.output and not Path(arguments.output).absolute().parent.is_dir():
        raise UsageError(f"--output {arguments.output}: the directory does not exist")
    try:
        client = connect(os.environ)
        if arguments.watch:
            _keep(client, Path(arguments.output))
        return _once(client, arguments.output)
    except ApiError as error:
        raise UsageError(str(error)) from error


def _once(client: Client, output: str | None) -> int:
    snapshot, warnings = take(client)
    for warning in warnings:
        complain(warning)
    if output:
        write_file(Path(output), encode(snapshot))
    else:
        say(encode(snapshot).decode())
    return 0


def _keep(client: Client, file: Path) -> None:
    # The first process of a container gets no default action for SIGTERM.
    signal.signal(signal.SIGTERM, _end)
    process.give_back()
    keep(client, file, complain)


def _end(_: int, __: FrameType | None) -> None:
    sys.exit(0)
