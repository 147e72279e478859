"""What readers take and yield: a part of a file, and what is found in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from webhook.cni.identity import AWS_NODE, ENICONFIG, change_of
from webhook.documents import DocumentError
from webhook.documents.refusal import Unfit
from webhook.inputs import candidates, mentions
from webhook.inputs.contents import name_of
from webhook.inputs.walk import File
from webhook.model import Change, Path, Position, Source, at, text

KINDS: Final = (AWS_NODE[1], ENICONFIG[1])
"""The kinds of objects that cni-guard evaluates."""


@dataclass(frozen=True, eq=False)
class Text:
    """A file and its text."""

    file: File
    text: str

    @cached_property
    def label(self) -> str:
        """The file's name for display."""
        return name_of(self.file.path)

    @cached_property
    def mentions(self) -> bool:
        """Whether it mentions the CNI, comments included."""
        return mentions.in_text(self.text)

    @property
    def is_other_json(self) -> bool:
        """Whether it is another program's JSON file, which may contain comments; kubectl does not accept them."""
        return self.file.path.lower().endswith(".json") and "apiVersion" not in self.text

    def unread(self, error: DocumentError, *, concerns: bool) -> "Found":
        """A part of the text that cannot be evaluated."""
        if error.unfit == "broken" and self.is_other_json:
            error = DocumentError(error.reason, error.line, error.column, "foreign")
        return Found(self, error, concerns=concerns)


@dataclass(frozen=True, slots=True)
class Found:
    """What a reader found in a part of a file."""

    text: Text
    what: Change | DocumentError | None
    """A change, the reason why the part cannot be evaluated, or None for an object that cni-guard has no rules for."""
    concerns: bool = False
    """Whether it is or may be about the CNI."""


@dataclass(frozen=True, eq=False)
class Part:
    """A document of a text, or a member of a List in it."""

    text: Text
    value: Any
    positions: Mapping[Path, Position]
    """The position of each field; paths start at the value."""
    inherited: tuple[str, str] | None = None
    """For a member of a List, the apiVersion and kind that the List gives it: API responses omit them in the items."""

    @property
    def is_member(self) -> bool:
        """Whether it is a member of a List, so that it must be an object."""
        return self.inherited is not None

    @property
    def api_version(self) -> str:
        """The apiVersion; empty if it is missing."""
        return text(at(self.value, "apiVersion")) or (self.inherited or ("", ""))[0]

    @property
    def kind(self) -> str:
        """The kind; empty if it is missing."""
        return text(at(self.value, "kind")) or (self.inherited or ("", ""))[1]

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def is_object(self) -> bool:
        """Whether it is a Kubernetes object."""
        return isinstance(self.value, dict) and bool(self.api_version and self.kind)

    @property
    def start(self) -> Position:
        """Its position in the file."""
        return self.positions[()]

    @cached_property
    def change(self) -> Change:
        """The object as a change, whatever the group of its kind."""
        return change_of(self.kind, self.value, source=Source(self.text.label, self.positions))

    @cached_property
    def is_candidate(self) -> bool:
        """Whether it is of interest to rules, or may be once it is rendered."""
        if self.kind not in KINDS:
            return False
        return self.change.target is not None or candidates.may_be_aws_node(self.value)

    @cached_property
    def concerns(self) -> bool:
        """Whether it is or mentions the CNI."""
        return (self.kind in KINDS and self.change.target is not None) or mentions.in_value(self.value)

    def evaluated(self) -> Found:
        """The object as a change to evaluate."""
        return Found(self.text, self.change, concerns=self.concerns)

    def ignored(self) -> Found:
        """An object that cni-guard has no rules for."""
        return Found(self.text, None)

    def unread(self, reason: str, unfit: Unfit = "broken") -> Found:
        """A part that cannot be evaluated; if it is broken, the whole text tells whether it is about the CNI."""
        error = DocumentError(reason, self.start.line, self.start.column, unfit)
        return self.text.unread(error, concerns=self.text.mentions if unfit == "broken" else self.concerns)

    def no_object(self, reason: str, unfit: Unfit) -> Found:
        """A part that is not a Kubernetes object, which a member of a List must be."""
        return self.unread(reason, "broken" if self.is_member else unfit)
