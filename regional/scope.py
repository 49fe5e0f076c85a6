"""Which clinic is told what. A clinic gets every fact of its own terminals, and every fact about the children in its
scope: those it told a fact of or that moved to it, until they move away; linked records go together.

Two workers who give out facts about one child meet at its row of `reach`: whoever comes second sees what the first did,
so a child that enters a scope while a fact about it is applied brings that fact along, either way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from domain import events
from domain.wire.feed import Advice
from regional.database import Connection
from regional.projection import Held
from regional.reviews import News

LEFT = "feed.left"
_CHUNK = 500  # facts of one row of the feed
_Clocks = dict[str, str]  # clinic -> clock
FeedRow = tuple[str, str, str | None, str | None, str | None, bytes | None, datetime]

_REACH = """
INSERT INTO reach AS r SELECT s ->> 0, s -> 1, s -> 2 FROM jsonb_array_elements(%s::jsonb) s ORDER BY 1
ON CONFLICT (child_id) DO UPDATE SET came = later_clocks(r.came, excluded.came),
    gone = later_clocks(r.gone, excluded.gone)
RETURNING child_id, came, gone
"""
_LINKED = """
SELECT id, linked FROM (
    SELECT child_id AS id FROM child_link UNION SELECT other FROM child_link
) l JOIN jsonb_array_elements_text(%s::jsonb) AS c (id) USING (id), child_group(id) AS linked
"""
_ENTER = """
INSERT INTO scope (clinic, child_id) SELECT p ->> 0, p ->> 1 FROM jsonb_array_elements(%s::jsonb) p ORDER BY 1, 2
ON CONFLICT DO NOTHING RETURNING clinic, child_id
"""
_LEAVE = """
DELETE FROM scope s USING jsonb_array_elements(%s::jsonb) AS p
WHERE s.clinic = p ->> 0 AND s.child_id = p ->> 1 RETURNING s.clinic, s.child_id
"""
# All facts about children new to a clinic but its own, which it has; its own too when the child had left.
_WHOLE = """
SELECT n.clinic, what, e.terminal_id, e.epoch, array_agg(e.seq ORDER BY e.seq)
FROM unnest(%s::text[], %s::text[], %s::boolean[]) AS n (clinic, child_id, own), LATERAL (
    SELECT 'event' AS what, terminal_id, epoch, seq FROM event WHERE subject = n.child_id
    UNION ALL SELECT 'also', terminal_id, epoch, seq FROM event_also a WHERE a.child_id = n.child_id
) e JOIN terminal t USING (terminal_id)
WHERE n.own OR t.clinic_code <> n.clinic
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""
_ALSO = """
INSERT INTO event_also SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[]) ORDER BY 1, 2, 3, 4
ON CONFLICT DO NOTHING
"""
_OWNERS = "SELECT DISTINCT dose_id, clinic FROM dose WHERE dose_id = ANY (%s) AND given"
_APPEND = b"COPY feed (clinic, what, terminal_id, epoch, seqs, note, at) FROM STDIN"


@dataclass
class _Reach:
    came: _Clocks = field(default_factory=dict)
    gone: _Clocks = field(default_factory=dict)

    def clinics(self) -> set[str]:
        return {clinic for clinic, clock in self.came.items() if clock > self.gone.get(clinic, "")}


class Giving:
    """One load being given out: `begin` takes the children's locks, `append` writes the rows of the feed."""

    def __init__(self, connection: Connection, told: Sequence[Held], now: datetime) -> None:
        self._connection, self._now = connection, now
        self._told = told
        self._of_children = [(held, children) for held in told if (children := held.children)]
        self._reach: dict[str, _Reach] = {}
        self._new: set[tuple[str, str]] = set()

    def begin(self) -> None:
        """Raise the clocks of everybody this load is about. The locks are held to the end of the transaction."""
        said: dict[str, _Reach] = {}
        for held, children in self._of_children:
            clock = held.clock
            for child_id in children:
                if child_id not in said:
                    said[child_id] = _Reach()
                _note(said[child_id], held, clock)
        self._raise(said)

    def append(self, news: Iterable[News]) -> None:
        """Everything this load brings to anybody, once its links and doses are in their tables."""
        self._join_links()
        self._remember_others()
        rows = [*self._scopes(), *self._own(), *self._foreign(), *self._addressed()]
        rows += [self._advice(clinic, advice) for clinic, advice in news]
        with self._connection.cursor().copy(_APPEND) as stream:
            for row in rows:
                stream.write_row(row)

    def _raise(self, said: dict[str, _Reach]) -> None:
        if not said:
            return
        rows = [(child, one.came, one.gone) for child, one in said.items()]
        for child, came, gone in self._connection.execute(_REACH, (_json(rows),)):
            self._reach[child] = _Reach(came, gone)

    def _join_links(self) -> None:
        """Linked records have one reach. A link of links may need another round."""
        if not self._connection.execute("SELECT FROM child_link LIMIT 1").rowcount:
            return
        for _ in range(16):
            groups: dict[str, set[str]] = {}
            for child, linked in self._connection.execute(_LINKED, (_json(list(self._reach)),)):
                groups.setdefault(child, set()).add(linked)
            missing = {child for group in groups.values() for child in group} - set(self._reach)
            self._raise({child: _Reach() for child in missing})
            uneven: dict[str, _Reach] = {}
            for group in groups.values():
                together = _Reach()
                for child in group:
                    _later(together.came, self._reach[child].came)
                    _later(together.gone, self._reach[child].gone)
                uneven |= {child: together for child in group if self._reach[child] != together}
            if not uneven:
                return
            self._raise(uneven)

    def _scopes(self) -> list[FeedRow]:
        """Children entering a scope bring all that was told about them; clinics they left are told so."""
        within = [(clinic, child) for child, one in self._reach.items() for clinic in one.clinics()]
        self._new = set(self._pairs(_ENTER, within))
        without = [(c, child) for child, one in self._reach.items() for c in one.gone if c not in one.clinics()]
        rows = [self._left(clinic, child) for clinic, child in self._pairs(_LEAVE, without)]
        entered = [(c, child, c in self._reach[child].gone) for c, child in self._new if self._others_know(c, child)]
        if entered:
            columns = [list(column) for column in zip(*sorted(entered), strict=True)]
            for clinic, what, terminal_id, epoch, seqs in self._connection.execute(_WHOLE, columns):
                rows += self._rows(clinic, what, (terminal_id, epoch), seqs)
        return rows

    def _others_know(self, clinic: str, child: str) -> bool:
        return set(self._reach[child].came) != {clinic} or clinic in self._reach[child].gone

    def _pairs(self, statement: str, pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        if not pairs:
            return []
        return [(row[0], row[1]) for row in self._connection.execute(statement.encode(), (_json(pairs),))]

    def _own(self) -> list[FeedRow]:
        """A clinic's facts for its other desks, and for a terminal restored from an old backup."""
        runs: dict[tuple[str, str, str], list[int]] = {}
        for held in self._told:
            runs.setdefault((held.clinic, held.terminal_id, held.epoch), []).append(held.seq)
        return [row for (clinic, *where), seqs in runs.items() for row in self._rows(clinic, "event", where, seqs)]

    def _foreign(self) -> list[FeedRow]:
        """Facts told elsewhere about children of a clinic."""
        runs: dict[tuple[str, str, str, str], list[int]] = {}
        clinics = {child: one.clinics() for child, one in self._reach.items()}
        alone = {clinic: {clinic} for clinic in {held.clinic for held, _ in self._of_children}}
        for held, children in self._of_children:
            for number, child in enumerate(children):
                if clinics[child] == alone[held.clinic]:
                    continue
                for clinic in clinics[child] - alone[held.clinic]:
                    if (clinic, child) not in self._new:
                        what = "also" if number else "event"
                        runs.setdefault((clinic, what, held.terminal_id, held.epoch), []).append(held.seq)
        return [row for (clinic, what, *where), seqs in runs.items() for row in self._rows(clinic, what, where, seqs)]

    def _addressed(self) -> list[FeedRow]:
        """Doubts and requests reach the clinic of the dose, wherever the child is now."""
        asked = {h.place: (h, h.body.of) for h, _ in self._of_children if isinstance(h.body, _ASKING)}
        if not asked:
            return []
        owners: dict[str, str] = dict(
            self._connection.execute(_OWNERS, (list({of for _, of in asked.values()}),)).fetchall()
        )
        rows = []
        for held, of in asked.values():
            owner = owners.get(of)
            if owner and owner != held.clinic and owner not in self._reach[held.children[0]].clinics():
                rows += self._rows(owner, "also", held.place[:2], [held.seq])
        return rows

    def _remember_others(self) -> None:
        also = [(child, *held.place) for held, children in self._of_children for child in children[1:]]
        if also:
            self._connection.execute(_ALSO, [list(column) for column in zip(*also, strict=True)])

    def _rows(self, clinic: str, what: str, where: Sequence[str], seqs: list[int]) -> list[FeedRow]:
        terminal_id, epoch = where
        return [
            (clinic, what, terminal_id, epoch, f"{{{','.join(map(str, seqs[at : at + _CHUNK]))}}}", None, self._now)
            for at in range(0, len(seqs), _CHUNK)
        ]

    def _left(self, clinic: str, child: str) -> FeedRow:
        return self._advice(clinic, Advice(LEFT, f"left/{child}", child_id=child))

    def _advice(self, clinic: str, advice: Advice) -> FeedRow:
        return clinic, "advice", None, None, None, msgspec.json.encode(advice), self._now


_ASKING = events.DoseDisputed | events.CorrectionRequested


def _note(reach: _Reach, held: Held, clock: str) -> None:
    """What a fact says of who is concerned. Who tells that a child left is out of it by the same clock."""
    if clock > reach.came.get(held.clinic, ""):
        reach.came[held.clinic] = clock
    if isinstance(held.body, events.ChildMoved):
        _later(reach.came, {held.body.to: clock})
        if held.body.left:
            _later(reach.gone, {held.body.left: clock})


def _later(into: _Clocks, clocks: _Clocks) -> None:
    for clinic, clock in clocks.items():
        into[clinic] = max(into.get(clinic, ""), clock)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def forget(connection: Connection, before: datetime) -> int:
    """Drop rows of the feed older than `before`; whoever has not read them starts over. How many."""
    done = connection.execute(_FORGET, (before,)).fetchone()
    return int(done[0]) if done else 0


_FORGET = """
WITH dropped AS (DELETE FROM feed WHERE at < %s RETURNING clinic, xid, id),
last AS (SELECT DISTINCT ON (clinic) clinic, xid, id FROM dropped ORDER BY clinic, xid DESC, id DESC),
kept AS (
    INSERT INTO feed_floor AS f SELECT * FROM last
    ON CONFLICT (clinic) DO UPDATE SET xid = excluded.xid, id = excluded.id
    WHERE (f.xid, f.id) < (excluded.xid, excluded.id)
)
SELECT count(*) FROM dropped
"""
