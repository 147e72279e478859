"""Everything else: values of a chart, workflows, settings of other programs, and objects without apiVersion or kind."""

from collections.abc import Iterator

from webhook.documents.refusal import Unfit
from webhook.inputs.parts import Found, Part
from webhook.inputs.reader import Reader


def recognizes(_: Part) -> bool:
    """Always."""
    return True


def changes(part: Part) -> Iterator[Found]:
    """The reason: a mapping with a kind is a broken object; a Chart.yaml of Helm has only an apiVersion."""
    if not isinstance(part.value, dict):
        shape = "a list" if isinstance(part.value, list) else "a single value"
        yield part.no_object(f"{shape}, not a Kubernetes object", "foreign")
        return
    fields = (("apiVersion", part.api_version), ("kind", part.kind))
    missing = " and ".join(name for name, found in fields if not found)
    unfit: Unfit = "broken" if "kind" in part.value else "foreign"
    yield part.no_object(f"not a Kubernetes object: {missing} missing", unfit)


READER = Reader(recognizes, changes)
