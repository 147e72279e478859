"""`python -m certs install`: reads the webhook configurations, connects to the cluster, and installs."""

import argparse
import os
import sys

from certs.cluster import Cluster, credentials
from certs.errors import UsageError
from certs.install import Settings, install
from certs.registration import read


def run(chosen: argparse.Namespace) -> None:
    """Install cni-guard as the flags say.

    Raises:
        InstallError: The installation failed, or a flag is wrong; the message says what to do.
    """
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
