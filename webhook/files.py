"""Files, folders and stdin to resources with positions, or to the reason why something was not read.

Nothing is passed over in silence, and nothing here waits: of a pipe or a device no byte is read.
"""

import codecs
import io
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from webhook.cni.identity import AWS_NODE, ENICONFIG, is_guarded
from webhook.documents import MAX_CHARACTERS, TEMPLATE, DocumentError, Unread, looks_like_template
from webhook.documents import read as read_documents
from webhook.documents.objects import Object, objects
from webhook.model import Resource, Source

STDIN: Final = "<stdin>"

_SUFFIXES: Final = (".yaml", ".yml", ".json")
_MENTIONS: Final = (b"aws-node", b"amazon-k8s-cni", b"ENIConfig")
_WIDE: Final = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_PIECE: Final = 2**16
_NO_FILE: Final = {
    stat.S_IFIFO: "a pipe is not read by name: pipe it in, `… | cni-guard check -`",
    stat.S_IFSOCK: "a socket is no file",
    stat.S_IFCHR: "a device is no file",
    stat.S_IFBLK: "a device is no file",
    stat.S_IFDIR: "a folder is no file",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found, and what was not read."""

    resources: tuple[Resource, ...]
    """The DaemonSets and ENIConfigs."""
    unread: tuple[Unread, ...]
    files: int
    objects: int
    """Objects of all kinds."""


class UnreadableError(Exception):
    """Why a file gives no text; `data` is what could be read of it."""

    def __init__(self, reason: str, data: bytes | None = None) -> None:
        """Keep the reason, lower case and without the file's name."""
        super().__init__(reason)
        self.reason = reason
        self.data = data


@dataclass(frozen=True, slots=True)
class _File:
    """A file to read; `named` on the command line, not found in a folder."""

    path: str
    named: bool


def read(paths: Sequence[str], stdin: io.BufferedIOBase | None) -> Reading:
    """Read manifests from files, folders (recursively) and, for ``-``, stdin; a file that is met twice once."""
    gathered = _Gathered()
    seen: set[str] = set()
    for path in paths:
        for found in _expand(path):
            if isinstance(found, Unread):
                gathered.unread.append(found)
                continue
            # Not resolved: two names of one file are two files to a reader.
            identity = found.path if found.path == "-" else os.path.abspath(found.path)  # noqa: PTH100
            if identity not in seen:
                seen.add(identity)
                gathered.take(found, stdin)
    return Reading(tuple(gathered.resources), tuple(gathered.unread), gathered.files, gathered.objects)


@dataclass(slots=True)
class _Gathered:
    resources: list[Resource] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    files: int = 0
    objects: int = 0

    def take(self, file: _File, stdin: io.BufferedIOBase | None) -> None:
        """Read one file into the lists."""
        self.files += 1
        label = name_of(file.path)
        try:
            data = content(file.path, stdin)
            text = decode(data)
        except UnreadableError as error:
            # What can not be looked into may be anything, aws-node too.
            fatal = file.named or error.data is None or _mentions(error.data)
            self.unread.append(Unread(label, error.reason, fatal=fatal))
            return
        fatal = file.named or _mentions(data)
        count = self.objects + len(self.unread)
        for resource in self._resources(text, label, fatal=fatal):
            self.resources.append(resource)
        if file.named and count == self.objects + len(self.unread):
            self.unread.append(Unread(label, "empty: there is no manifest in it"))

    def _resources(self, text: str, label: str, *, fatal: bool) -> Iterator[Resource]:
        """The resources of a text; what is none goes to the unread."""
        for document in read_documents(text):
            for found in [document] if isinstance(document, DocumentError) else objects(document):
                answer = _resource(found, label) if isinstance(found, Object) else found
                if isinstance(answer, DocumentError):
                    self.unread.append(Unread(label, answer.reason, answer.line, fatal=fatal))
                    continue
                self.objects += 1
                if answer:
                    yield answer


def name_of(path: str) -> str:
    """A file's name as text: bytes that are no UTF-8 are escaped."""
    return STDIN if path == "-" else os.fsencode(path).decode(errors="backslashreplace")


def content(path: str, stdin: io.BufferedIOBase | None) -> bytes:
    """The bytes of a regular file, or of stdin for ``-``; `UnreadableError` says why not."""
    return _stdin(stdin) if path == "-" else _bytes(path)


def _resource(found: Object, label: str) -> Resource | DocumentError | None:
    """The resource that an object is, None where the guard has no rules for its kind."""
    resource = Resource(found.kind, found.value, source=Source(label, found.positions))
    start = found.positions[()]
    for group, kind in (AWS_NODE, ENICONFIG):
        if found.group == group and found.kind != kind and found.kind.casefold() == kind.casefold():
            reason = f"there is no kind {found.kind} in {group}; did you mean {kind}?"
            return DocumentError(reason, start.line, start.column)
    if found.kind not in (AWS_NODE[1], ENICONFIG[1]):
        return None
    if (found.group, found.kind) not in (AWS_NODE, ENICONFIG):
        group = AWS_NODE[0] if found.kind == AWS_NODE[1] else ENICONFIG[0]
        reason = f"a {found.kind} of {found.value.get('apiVersion')!r}: the guard judges those of {group}"
        return DocumentError(reason, start.line, start.column) if is_guarded(resource) else None
    if is_guarded(resource) and _is_templated(found.value):
        return DocumentError(TEMPLATE, start.line, start.column)
    return resource


def _is_templated(value: Any) -> bool:
    """Whether any value is a Helm action in quotes; annotations may quote whatever they like."""
    if isinstance(value, str):
        return looks_like_template(value)
    if isinstance(value, list):
        return any(_is_templated(item) for item in value)
    if isinstance(value, dict):
        return any(_is_templated(item) for key, item in value.items() if key != "annotations")
    return False


def _mentions(data: bytes) -> bool:
    """Whether a file speaks of what the guard knows, in UTF-16 too."""
    narrow = data.replace(b"\0", b"")
    return any(word in narrow for word in _MENTIONS)


def _expand(path: str) -> Iterator[_File | Unread]:
    """The files that a path names."""
    # Unlike a Path's, this answer is never an error, and an empty name is not the working folder.
    if path == "-" or not os.path.isdir(path):  # noqa: PTH112
        yield _File(path, named=True)
        return
    found = False
    for item in _walk(path):
        found = True
        yield item
    if not found:
        yield Unread(name_of(path), f"no manifest in this folder ({', '.join('*' + end for end in _SUFFIXES)})")


def _walk(folder: str) -> Iterator[_File | Unread]:
    """The manifests below a folder, in the order of their names; a link to a folder is named and not followed."""
    closed: list[OSError] = []
    for here, folders, files in os.walk(folder, onerror=closed.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in folders:
            if (linked := Path(here, name)).is_symlink():
                yield Unread(name_of(str(linked)), "a link to a folder is not followed: name it", fatal=False)
        yield from (
            _File(str(Path(here, name)), named=False) for name in sorted(files) if name.lower().endswith(_SUFFIXES)
        )
    for error in closed:
        yield Unread(name_of(os.fspath(error.filename)), f"{error.strerror}".lower())


def _bytes(path: str) -> bytes:
    """The content of a regular file."""
    try:
        _check_kind(os.stat(path).st_mode)  # noqa: PTH116 - an empty name stays an error
        # Not blocking, should the file have become a pipe by now.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            _check_kind(os.fstat(file.fileno()).st_mode)
            return _limited(file)
    except OSError as error:
        data = b"" if isinstance(error, FileNotFoundError) else None
        raise UnreadableError(f"{error.strerror or error}".lower(), data) from error


def _check_kind(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise UnreadableError(_NO_FILE.get(stat.S_IFMT(mode), "no regular file"), b"")


def _stdin(stdin: io.BufferedIOBase | None) -> bytes:
    if stdin is None:
        raise UnreadableError("stdin is closed")
    try:
        return _limited(stdin)
    except OSError as error:
        raise UnreadableError(f"{error.strerror or error}".lower()) from error


def _limited(file: io.BufferedIOBase) -> bytes:
    # Piece by piece: one long read would hear a Ctrl-C only at its end.
    data = bytearray()
    while piece := file.read1(_PIECE):
        data += piece
        if len(data) > MAX_CHARACTERS:
            raise UnreadableError(f"larger than {MAX_CHARACTERS // 1024**2} MiB: split it", bytes(data))
    return bytes(data)


def decode(data: bytes) -> str:
    """The text of a file in UTF-8, with or without a byte order mark."""
    if data.startswith(_WIDE) or (data.count(b"\0") > len(data) // 3 and not data.startswith(b"\0\0\0")):
        raise UnreadableError("UTF-16 or UTF-32: save it as UTF-8 (`iconv -f UTF-16 -t UTF-8`)", data)
    if b"\0" in data:
        raise UnreadableError("binary: no text", data)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        reason = f"no UTF-8: byte 0x{data[error.start]:02x} in line {line}"
        raise UnreadableError(reason, data) from error
