"""Bodies that come back from the region: facts and advice, a line each, packed as in a batch (docs/formats.md, 3)."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from domain.errors import SyncError, WireError
from domain.wire import UNREADABLE, batch, feed
from domain.wire.feed import Advice, Page, Record
from sync import batches
from sync.ports import Told


def write_lines(lines: list[bytes]) -> bytes:
    """The body of these lines; empty for none."""
    return batches.compress(batch.join(lines)) if lines else b""


def read_lines(body: bytes) -> list[bytes]:
    """Raises WireError."""
    return batch.split(batches.decompress(body, batch.MAX_PLAIN_BYTES)) if body else []


def read(said: Page | Record, body: bytes) -> list[Told | Advice]:
    """The rows of a page, those of kinds not known here left out. Raises SyncError("sync.bad_answer")."""
    try:
        feed.check_body(body, said.sha256)
        lines = read_lines(body)
        feed.check_runs(said.runs, said.sources, len(lines))
        return list(_rows(said, iter(lines)))
    except (WireError, *UNREADABLE) as fault:
        raise SyncError("sync.bad_answer", "later") from fault


def _rows(said: Page | Record, lines: Iterator[bytes]) -> Iterator[Told | Advice]:
    for run in said.runs:
        for _ in range(run.n):
            data = next(lines)
            if run.what == "advice":
                yield msgspec.json.decode(data, type=Advice)
            elif run.what in ("event", "also") and run.source >= 0:
                source = said.sources[run.source]
                yield Told(source.terminal_id, source.clinic, data, run.what == "also")
