"""The file of a snapshot: read with a limit, written as a whole."""

import os
import tempfile
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from webhook.facts.snapshot import LIMIT, Snapshot, check_size, decode

_MODE = 0o644
"""The webhook may run as another user."""


def read_file(path: Path, now: datetime) -> Snapshot:
    """Read a snapshot; the size is checked before the content is read.

    Raises:
        OSError: It cannot be read.
        SnapshotError: It cannot be used.
    """
    with path.open("rb") as file:
        check_size(os.fstat(file.fileno()).st_size)
        # A pipe has no size.
        content = file.read(LIMIT + 1)
    return decode(content, now)


def write_file(path: Path, content: bytes) -> None:
    """Replace the file atomically: readers see the old content or the new one, even after a crash.

    Raises:
        OSError: It cannot be written; the old file is unchanged.
    """
    descriptor, fresh = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(descriptor, _MODE)
            os.fsync(descriptor)
        Path(fresh).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(fresh).unlink()
        raise
