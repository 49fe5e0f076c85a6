"""What a clinic's terminal holds of the feed, in memory, as `sync.ports.FeedInbox` documents it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from domain.wire import event
from domain.wire.feed import BUCKETS, Advice, Bucket, Reference, mark
from sync.ports import FeedStanding, Told


@dataclass
class Fact:
    clinic: str
    subject: str
    kind: str
    data: bytes
    also: bool
    told: bool = True  # since the last start over


class MemoryFeedInbox:
    def __init__(self, clinic: str) -> None:
        self.clinic = clinic
        self.cursor = ""
        self.started: tuple[str, ...] = ()
        self.facts: dict[tuple[str, str], Fact] = {}
        self.advice: dict[str, Advice] = {}
        self.documents: dict[int, tuple[Reference, bytes]] = {}
        self.pages: list[list[str]] = []  # kinds, page by page

    def feed_standing(self) -> FeedStanding:
        return FeedStanding(self.cursor, self.started)

    def apply_page(self, rows: Sequence[Told | Advice], cursor: str) -> None:
        kinds = []
        for row in rows:
            if isinstance(row, Told):
                read = event.decode(row.data)
                kinds.append(read.kind)
                key = row.terminal_id, read.event_id
                held = self.facts.get(key)
                also = row.also and (held is None or not held.told or held.also)
                self.facts[key] = Fact(row.clinic, read.subject, read.kind, row.data, also)
            elif row.code == "feed.left":
                self._leave(row.child_id)
            elif row.open:
                self.advice[row.key] = row
            else:
                self.advice.pop(row.key, None)
        self.pages.append(kinds)
        self.cursor = cursor

    def _leave(self, child: str) -> None:
        gone = [key for key, fact in self.facts.items() if fact.subject == child and fact.clinic != self.clinic]
        for key in gone:
            del self.facts[key]

    def start_over(self, at: str) -> None:
        """What the region has no more stays, and counts no more: it would differ for ever."""
        self.cursor, self.started = "", (*self.started, at)
        self.facts = {key: replace(fact, told=False) for key, fact in self.facts.items()}

    def buckets(self) -> Sequence[Bucket]:
        counts, marks = [0] * BUCKETS, [0] * BUCKETS
        for key, fact in self.facts.items():
            if fact.told and (fact.clinic == self.clinic or not fact.also):
                bucket, value = mark(*key)
                counts[bucket] += 1
                marks[bucket] ^= value
        return [Bucket(*one) for one in zip(counts, marks, strict=True)]

    def references(self) -> dict[int, Reference]:
        return {number: reference for number, (reference, _) in self.documents.items()}

    def keep_reference(self, reference: Reference, content: bytes) -> None:
        self.documents[reference.number] = reference, content

    def stored(self) -> set[bytes]:
        return {fact.data for fact in self.facts.values()}

    def about(self, child: str) -> set[bytes]:
        return {fact.data for fact in self.facts.values() if fact.subject == child}
