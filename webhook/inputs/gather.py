"""Collects what the readers find in the files of a run."""

import io
from dataclasses import dataclass, field

from webhook.documents import Document, DocumentError, Unread
from webhook.documents import read as read_documents
from webhook.inputs import mentions
from webhook.inputs.contents import UnreadableError, content, decode, name_of
from webhook.inputs.kustomizations import Kustomization
from webhook.inputs.parts import Found, Part, Text
from webhook.inputs.readers import reader_of
from webhook.inputs.walk import File


@dataclass(slots=True)
class Gathered:
    """The content of a run's files, in order."""

    found: list[Found | Unread] = field(default_factory=list)
    kustomizations: list[Kustomization] = field(default_factory=list)
    files: int = 0
    objects: int = 0

    def take(self, file: File, stdin: io.BufferedIOBase | None) -> None:
        """Read one file."""
        self.files += 1
        try:
            text = Text(file, decode(content(file.path, stdin)))
        except UnreadableError as error:
            self.found.append(_unreadable(file, error))
            return
        before = self.objects + len(self.found)
        for document in read_documents(text.text):
            self._document(document, text)
        if file.is_stdin and before == self.objects + len(self.found):
            # Stdin is empty when the command before the pipe failed.
            self.found.append(Unread(text.label, "empty: contains no manifest"))

    def _document(self, document: Document | DocumentError, text: Text) -> None:
        if isinstance(document, DocumentError):
            self.found.append(text.unread(document, concerns=text.mentions))
        else:
            self._part(Part(text, document.value, document.positions))

    def _part(self, part: Part) -> None:
        for result in reader_of(part).changes(part):
            if isinstance(result, Part):
                self._part(result)
            elif isinstance(result, Kustomization):
                self.kustomizations.append(result)
            else:
                self._note(result)

    def _note(self, found: Found) -> None:
        """Count an object, and keep what is to be evaluated or reported."""
        self.objects += not isinstance(found.what, DocumentError)
        if found.what is not None:
            self.found.append(found)


def _unreadable(file: File, error: UnreadableError) -> Unread:
    """A file without a text. It may hold anything, even aws-node."""
    absent = not error.data
    fatal = (file.named and (absent or file.is_manifest)) or error.data is None or mentions.in_bytes(error.data)
    return Unread(name_of(file.path), error.reason, fatal=fatal)
