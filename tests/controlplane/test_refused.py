"""POD-012 and ENIC-007 against a real API server: they speak where it refuses an object, and nowhere else."""

from http import HTTPStatus
from typing import Any

import pytest

from tests.controlplane.guarded import DAEMONSETS, ENICONFIGS, Guarded
from tests.rules.test_refused import (
    ENICONFIG,
    REFUSED_CONTAINER_NAMES,
    REFUSED_METADATA,
    TAKEN_CONTAINER_NAMES,
    TAKEN_METADATA,
    with_container,
    with_metadata,
)
from webhook.cni.stock import stock

REFUSED = [
    *(with_metadata(stock(), metadata) for metadata in [*REFUSED_METADATA, "name:aws-node"]),
    *(with_metadata(ENICONFIG, metadata) for metadata in [*REFUSED_METADATA, "name:us-west-2a"]),
    *(
        with_container(kind, {"name": name})
        for kind in ("containers", "initContainers")
        for name in REFUSED_CONTAINER_NAMES
    ),
]
TAKEN = [
    *(with_metadata(whole, metadata) for whole in (stock(), ENICONFIG) for metadata in TAKEN_METADATA),
    *(
        with_container(kind, {"name": name})
        for kind in ("containers", "initContainers")
        for name in TAKEN_CONTAINER_NAMES
    ),
]


def tried(guarded: Guarded, whole: Any) -> int:
    path = DAEMONSETS if whole["kind"] == "DaemonSet" else ENICONFIGS
    return guarded.past_the_guard("POST", f"{path}?dryRun=All", whole).status


@pytest.fixture(autouse=True)
def nothing_there(guarded: Guarded) -> None:
    """A name is free."""
    guarded.remove()


def test_what_they_speak_of_is_refused(guarded: Guarded) -> None:
    for whole in REFUSED:
        assert tried(guarded, whole) in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}, whole


def test_what_they_pass_is_taken(guarded: Guarded) -> None:
    for whole in TAKEN:
        assert tried(guarded, whole) == HTTPStatus.CREATED, whole
