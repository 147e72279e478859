"""Templates that are not rendered, of Helm, envsubst, Terraform and others, but are valid YAML; unread."""

from collections.abc import Iterator

from webhook.documents.templates import way_out
from webhook.inputs import fields, mentions
from webhook.inputs.parts import KINDS, Found, Part
from webhook.inputs.reader import Reader
from webhook.model import Path
from webhook.printable import dotted


def recognizes(part: Part) -> bool:
    """Whether a field that shows what the object is, or that rules read, is a template."""
    return part.is_object and bool(_reason(part))


def changes(part: Part) -> Iterator[Found]:
    """The reason, with how to render the template."""
    yield part.unread(_reason(part), "template")


def _reason(part: Part) -> str:
    """What the template looks like and how to render it; empty if the object is not a template."""
    if part.kind not in KINDS:
        hidden = way_out(part.kind, part.text.text)
        return hidden if hidden and mentions.in_value(part.value) else ""
    return _in_a_field(part) if part.is_candidate else ""


def _in_a_field(part: Part) -> str:
    """The reason for the first template: braces anywhere, or a ``$`` in a field that rules read."""
    for path, value in (*fields.in_braces(part.value), *fields.read_in(part.kind, part.value)):
        if reason := way_out(value, part.text.text):
            return _placed(reason, path, part)
    return ""


def _placed(reason: str, path: Path, part: Part) -> str:
    """The reason, with the field where the template was found."""
    looks, colon, way = reason.partition(":")
    line = part.change.source.position(path).line if part.change.source else 1
    return f"{looks} ({dotted(path)} in line {line}){colon}{way}"


READER = Reader(recognizes, changes)
