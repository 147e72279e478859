"""The reviews that an API server would send along the road, where there is none."""

from collections.abc import Iterable
from pathlib import Path

from tests.changes import review
from tests.demo.files import CIDR, CONFLICT, EXTERNAL_SNAT, NEWEST, NEXT, OLD, SUBNET, aws_node, eniconfig
from webhook.cni.identity import change_of
from webhook.model import Change

Variables = Iterable[tuple[str, str]]


def write(folder: Path) -> None:
    """Write a file for each review."""
    conflict = _change(NEXT, NEXT, CONFLICT)
    reviews = {
        "upgrade-1.23.1": review(_change(OLD, NEWEST)),
        "upgrade-1.22.4": review(_change(OLD, NEXT)),
        "external-snat": review(_change(NEXT, NEXT, EXTERNAL_SNAT)),
        "conflict-dry-run": review(conflict, dryRun=True),
        "conflict": review(conflict),
        "minimum": review(_change(NEXT, NEXT, [("MINIMUM_IP_TARGET", "5")])),
        "eniconfig-cidr": review(change_of("ENIConfig", eniconfig(CIDR))),
        "eniconfig": review(change_of("ENIConfig", eniconfig(SUBNET))),
        "delete": review(change_of("DaemonSet", None, aws_node(NEXT), "DELETE")),
    }
    for name, body in reviews.items():
        (folder / f"{name}.json").write_bytes(body)


def _change(old: str, new: str, variables: Variables = ()) -> Change:
    """An update of aws-node."""
    return change_of("DaemonSet", aws_node(new, variables), aws_node(old), "UPDATE")
