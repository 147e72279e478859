"""Reads the bytes and text of a file or of stdin; never reads a pipe or a device by name."""

import codecs
import io
import os
import stat
from typing import Final

from webhook.documents import MAX_CHARACTERS
from webhook.inputs.paths import mode

STDIN: Final = "<stdin>"

_WIDE: Final = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_PIECE: Final = 2**16
_NO_FILE: Final = {
    stat.S_IFIFO: "is a pipe: use stdin instead, `… | cni-guard check -`",
    stat.S_IFSOCK: "is a socket",
    stat.S_IFCHR: "is a device",
    stat.S_IFBLK: "is a device",
    stat.S_IFDIR: "is a directory",
}


class UnreadableError(Exception):
    """A file that could not be read as text; `data` holds the bytes that could be read, None if unknown."""

    def __init__(self, reason: str, data: bytes | None = None) -> None:
        """Store the reason, in lower case and without the file's name."""
        super().__init__(reason)
        self.reason = reason
        self.data = data


def name_of(path: str) -> str:
    """A file's name for display; bytes that are not UTF-8 are escaped."""
    return STDIN if path == "-" else os.fsencode(path).decode(errors="backslashreplace")


def content(path: str, stdin: io.BufferedIOBase | None) -> bytes:
    """Read a regular file, or stdin for ``-``.

    Raises:
        UnreadableError: It cannot be read, is not a regular file, or is too large.
    """
    return _stdin(stdin) if path == "-" else _bytes(path)


def _bytes(path: str) -> bytes:
    """Read a regular file."""
    try:
        _check_kind(mode(path))
        # Non-blocking, in case the file has been replaced by a pipe.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            _check_kind(os.fstat(file.fileno()).st_mode)
            return _limited(file)
    except OSError as error:
        data = b"" if isinstance(error, FileNotFoundError) else None
        raise UnreadableError(f"{error.strerror or error}".lower(), data) from error


def _check_kind(found: int) -> None:
    if not stat.S_ISREG(found):
        raise UnreadableError(_NO_FILE.get(stat.S_IFMT(found), "not a regular file"), b"")


def _stdin(stdin: io.BufferedIOBase | None) -> bytes:
    if stdin is None:
        raise UnreadableError("stdin is closed")
    try:
        return _limited(stdin)
    except OSError as error:
        raise UnreadableError(f"{error.strerror or error}".lower()) from error


def _limited(file: io.BufferedIOBase) -> bytes:
    # In pieces, since Ctrl-C cannot interrupt one long read.
    data = bytearray()
    while piece := file.read1(_PIECE):
        data += piece
        if len(data) > MAX_CHARACTERS:
            raise UnreadableError(f"larger than {MAX_CHARACTERS // 1024**2} MiB: split it", bytes(data))
    return bytes(data)


def decode(data: bytes) -> str:
    """Decode UTF-8, with or without a byte order mark.

    Raises:
        UnreadableError: The data is not UTF-8 text.
    """
    if data.startswith(_WIDE) or (data.count(b"\0") > len(data) // 3 and not data.startswith(b"\0\0\0")):
        raise UnreadableError("UTF-16 or UTF-32: save it as UTF-8 (`iconv -f UTF-16 -t UTF-8`)", data)
    if b"\0" in data:
        raise UnreadableError("binary file", data)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        reason = f"not UTF-8: byte 0x{data[error.start]:02x} in line {line}"
        raise UnreadableError(reason, data) from error
