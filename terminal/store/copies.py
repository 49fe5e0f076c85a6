"""A database file looked at read-only, on a connection of its own: a backup, or the copy made before an upgrade.

SQLCipher proves a page only when it reads it, and one bad page spoils what follows on the same connection; so a
check never shares a connection with work. The file must be at rest: no write-ahead log beside it.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

from playhouse.sqlcipher_ext import sqlcipher


class Copy:
    """One file at rest, opened with the raw 32-byte key. Errors of the library pass: callers convert."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._connection = sqlcipher.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
        for pragma in ("cipher_log_level = NONE", f"key = \"x'{key.hex()}'\""):
            self._connection.execute(f"PRAGMA {pragma}")

    def sql(self, text: str, *params: Any) -> list[tuple[Any, ...]]:
        """The rows of plain SQL."""
        return list(self._connection.execute(text, params).fetchall())

    def check_pages(self) -> None:
        """Every page's hash, the trees and the foreign keys. Raises sqlcipher.DatabaseError "... malformed"."""
        found = self.sql("PRAGMA cipher_integrity_check")
        found = found or [row for row in self.sql("PRAGMA integrity_check(1)") if row != ("ok",)]
        if found or self.sql("PRAGMA foreign_key_check"):
            raise sqlcipher.DatabaseError("database disk image is malformed")

    def __enter__(self) -> Copy:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self._connection.close()
