"""Files that are there whole or not at all, even after a power cut."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from domain.errors import StoreError


def sync(path: Path) -> None:
    """Bring a file's or a folder's content to the disk."""
    if os.name == "nt" and path.is_dir():  # Windows has no handle on a folder; a rename there is journalled
        return
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def publish(draft: Path, final: Path) -> None:
    """Give a finished draft its name: synced, renamed, the folder synced."""
    sync(draft)
    os.replace(draft, final)
    sync(final.parent)


def write(path: Path, data: bytes) -> None:
    """Write a file whole, mode 0600; a draft that failed is removed."""
    draft = path.with_name(path.name + ".part")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
        publish(draft, path)
    except OSError:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


@contextmanager
def converting(full: str, failed: str, folder: Path) -> Iterator[None]:
    """Turn the system's errors into StoreError: `full` when the disk has no room, else `failed`."""
    try:
        yield
    except OSError as fault:
        if fault.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StoreError(full, "later", path=str(folder)) from fault
        raise StoreError(failed, "operator", path=str(folder), detail=fault.strerror or "") from fault
