"""Collects the documents of a run and separates those to evaluate from those that are unread, with the reasons."""

import io
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property

from webhook.cni.identity import target_of
from webhook.documents import Document, DocumentError, Unread
from webhook.documents import read as read_documents
from webhook.documents.objects import Object, objects
from webhook.inputs import mentions
from webhook.inputs.contents import UnreadableError, content, decode, name_of
from webhook.inputs.evaluable import evaluable
from webhook.inputs.kustomizations import Kustomization, command, identity, is_kustomization, nearest
from webhook.inputs.listing import Listing
from webhook.inputs.walk import File
from webhook.model import Change


@dataclass
class _Text:
    """A file's text."""

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


@dataclass(frozen=True, slots=True)
class _Found:
    """A change to evaluate, or the reason why not; `concerns` tells whether it is or may be about the CNI."""

    file: File
    label: str
    what: Change | DocumentError
    concerns: bool


@dataclass(slots=True)
class Gathered:
    """The content of a run's files, in order."""

    found: list[_Found | Unread] = field(default_factory=list)
    kustomizations: list[Kustomization] = field(default_factory=list)
    files: int = 0
    objects: int = 0

    def take(self, file: File, stdin: io.BufferedIOBase | None) -> None:
        """Read one file."""
        self.files += 1
        try:
            data = content(file.path, stdin)
            text = _Text(file, decode(data))
        except UnreadableError as error:
            # An unreadable file may hold anything, even aws-node.
            absent = not error.data
            fatal = (file.named and (absent or file.is_manifest)) or error.data is None or mentions.in_bytes(error.data)
            self.found.append(Unread(name_of(file.path), error.reason, fatal=fatal))
            return
        before = self.objects + len(self.found)
        for document in read_documents(text.text):
            self._document(document, text)
        if file.is_stdin and before == self.objects + len(self.found):
            # Stdin is empty when the command before the pipe failed.
            self.found.append(Unread(text.label, "empty: contains no manifest"))

    def _document(self, document: Document | DocumentError, text: _Text) -> None:
        if isinstance(document, DocumentError):
            self._refuse(document, text, concerns=text.mentions)
            return
        for one in objects(document):
            if isinstance(one, DocumentError):
                concerns = text.mentions if one.unfit == "broken" else mentions.in_value(document.value)
                self._refuse(one, text, concerns=concerns)
            elif is_kustomization(one):
                self._kustomization(one, text)
            else:
                self._object(one, text)

    def _object(self, one: Object, text: _Text) -> None:
        what = evaluable(one, text.label, text.text)
        if isinstance(what, DocumentError):
            concerns = text.mentions if what.unfit == "broken" else _concerns(one)
            self._refuse(what, text, concerns=concerns)
            return
        self.objects += 1
        if what:
            self.found.append(_Found(text.file, text.label, what, concerns=_concerns(one)))

    def _kustomization(self, one: Object, text: _Text) -> None:
        start = one.positions[()]
        kustomization = Kustomization(text.file, start.line, one.value)
        if text.file.is_kustomization:
            self.kustomizations.append(kustomization)
        if refusal := kustomization.refusal():
            error = DocumentError(refusal, start.line, start.column, "template")
            self._refuse(error, text, concerns=kustomization.changes_the_cni())
        else:
            self.objects += 1

    def _refuse(self, error: DocumentError, text: _Text, *, concerns: bool) -> None:
        if error.unfit == "broken" and text.is_other_json:
            error.unfit = "foreign"
        self.found.append(_Found(text.file, text.label, error, concerns))

    def sorted(self, listing: Listing) -> tuple[list[Change], list[Unread]]:
        """The changes to evaluate and what is unread; patches listed in a kustomization are in neither."""
        kustomized = {identity(one.folder) for one in self.kustomizations}
        changes: list[Change] = []
        unread: list[Unread] = []
        for one in self.found:
            if isinstance(one, Unread):
                unread.append(one)
            elif _is_no_fault(one.what) and listing.lists(one.file):
                if one.concerns:
                    listing.concerns_the_cni(one.file)
            elif isinstance(one.what, Change):
                changes.append(one.what)
            else:
                unread.append(_unread(one, one.what, kustomized))
        return changes, unread


def _concerns(one: Object) -> bool:
    return target_of(one.kind, one.value) is not None or mentions.in_value(one.value)


def _is_no_fault(what: Change | DocumentError) -> bool:
    return isinstance(what, Change) or what.unfit != "broken"


def _of_a_patch(file: File, kustomized: Collection[str]) -> str:
    """What to do about a patch that is not listed in a kustomization of the run."""
    folder = nearest(file)
    if identity(folder) in kustomized:
        return f": the kustomization in {name_of(folder)} does not list it. Add it to patches, or delete it"
    return f": check the build output instead, `{command(folder)}`, or pass its kustomization.yaml as well"


def _unread(found: _Found, error: DocumentError, kustomized: Collection[str]) -> Unread:
    reason = error.reason
    if error.unfit == "patch":
        reason += _of_a_patch(found.file, kustomized)
    broken = error.unfit == "broken" and found.file.named and found.file.is_manifest
    fatal = found.concerns or found.file.is_stdin or broken
    if error.unfit == "foreign" and found.concerns:
        reason += ", but it mentions the CNI: check the rendered output, `helm template … | cni-guard check -`"
    return Unread(found.label, reason, error.line, fatal=fatal)
