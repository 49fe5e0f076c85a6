"""Which clinic is told what. A clinic gets every fact of its own terminals, and every fact about the children in its
scope: those it told a fact of or that moved to it, until they move away; linked records go together.

Two workers who give out facts about one child meet at its row of `reach`: whoever comes second sees what the first did,
so a child that enters a scope while a fact about it is applied brings that fact along, either way.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from domain import events
from domain.wire.feed import Advice
from regional import beside, reviews
from regional.beside import Also
from regional.database import Connection
from regional.projection import Held
from regional.reviews import News

_CHUNK = 500  # facts of one row of the feed
_Clocks = dict[str, str]  # clinic -> clock
FeedRow = tuple[str, str, str | None, str | None, str | None, bytes | None, datetime]

_REACH = """
INSERT INTO reach AS r SELECT s ->> 0, s -> 1, s -> 2 FROM jsonb_array_elements(%s::jsonb) s ORDER BY 1
ON CONFLICT (child_id) DO UPDATE SET came = later_clocks(r.came, excluded.came),
    gone = later_clocks(r.gone, excluded.gone)
RETURNING child_id, came, gone
"""
# Links of these records, those that ended too.
_LINKS = """
SELECT l.child_id, l.link_id, l.other, l.merged_at IS NOT NULL AND l.ended_at IS NULL
FROM jsonb_array_elements_text(%(of)s::jsonb) AS c (id) JOIN child_link l ON l.child_id = c.id WHERE l.other IS NOT NULL
UNION
SELECT l.child_id, l.link_id, l.other, l.merged_at IS NOT NULL AND l.ended_at IS NULL
FROM jsonb_array_elements_text(%(of)s::jsonb) AS c (id) JOIN child_link l ON l.other = c.id
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
# What a clinic keeps of a child that left it: facts that concern another child of its own as well.
_STILL = """
SELECT n.clinic, e.terminal_id, e.epoch, array_agg(DISTINCT e.seq ORDER BY e.seq)
FROM unnest(%s::text[], %s::text[]) AS n (clinic, child_id) JOIN event e ON e.subject = n.child_id
JOIN event_also a USING (terminal_id, epoch, seq) JOIN scope s ON s.clinic = n.clinic AND s.child_id = a.child_id
JOIN terminal t ON t.terminal_id = e.terminal_id
WHERE t.clinic_code <> n.clinic GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
_OWNERS = "SELECT DISTINCT dose_id, clinic FROM dose WHERE dose_id = ANY (%s) AND given"
_APPEND = b"COPY feed (clinic, what, terminal_id, epoch, seqs, note, at) FROM STDIN"


@dataclass
class _Reach:
    came: _Clocks = field(default_factory=dict)
    gone: _Clocks = field(default_factory=dict)

    def clinics(self) -> set[str]:
        return {clinic for clinic, clock in self.came.items() if clock > self.gone.get(clinic, "")}

    def left_for(self, clinic: str) -> str:
        """Where a child that left `clinic` moved to; "" when that is not known."""
        at = self.gone.get(clinic, "")
        return next((other for other, clock in sorted(self.came.items()) if clock == at and other != clinic), "")


class Giving:
    """One load being given out: `begin` takes the children's locks, `append` writes the rows of the feed."""

    def __init__(self, connection: Connection, told: Sequence[Held], now: datetime) -> None:
        self._connection, self._now = connection, now
        self._told = told
        self._of_children = [(held, children) for held in told if (children := held.children)]
        self._alone: dict[str, _Reach] = {}  # as the table has it: what was told of the record itself
        self._reach: dict[str, _Reach] = {}  # together with the records linked to it
        self._once: dict[str, frozenset[str]] = {}  # clinics that records ever linked to it have or had
        self._new: set[tuple[str, str]] = set()
        self._beside: list[Also] = []

    def begin(self) -> None:
        """Raise the clocks of everybody this load is about. The locks are held to the end of the transaction."""
        said: dict[str, _Reach] = {}
        for held, children in self._of_children:
            clock = held.clock
            for child_id in children:
                if child_id not in said:
                    said[child_id] = _Reach()
                if child_id == children[0] or not isinstance(held.body, events.ChildMerged):
                    _note(said[child_id], held, clock)
        self._raise(said)

    def append(self, news: Iterable[News], moved: Collection[tuple[str, str]] = ()) -> None:
        """Everything this load brings to anybody, once its links and doses are in their tables; `moved` as
        rows.store() tells them."""
        if self._of_children:
            self._find_beside(moved)
            self._join(self._links())
        rows = [*self._scopes(), *self._own(), *self._foreign(), *self._concerning(), *self._addressed()]
        rows += [self._advice(clinic, advice) for clinic, advice in news]
        with self._connection.cursor().copy(_APPEND) as stream:
            for row in rows:
                stream.write_row(row)

    def leave(self, child: str, clinic: str, clock: str, to: str) -> None:
        """A hub hears that a child left its clinic by a move of this clock, which itself is none of its business; `to`
        the clinic it moved to, "" for an unknown one."""
        self._raise({child: _Reach({to: clock} if to else {}, {clinic: clock})})
        self._join(self._links())

    def _raise(self, said: dict[str, _Reach]) -> None:
        if not said:
            return
        rows = [(child, one.came, one.gone) for child, one in said.items()]
        for child, came, gone in self._connection.execute(_REACH, (_json(rows),)):
            self._alone[child] = _Reach(came, gone)

    def _lock(self, children: Iterable[str]) -> set[str]:
        """Those that were not locked yet."""
        more = set(children) - set(self._alone)
        self._raise({child: _Reach() for child in more})
        return more

    def _find_beside(self, moved: Collection[tuple[str, str]]) -> None:
        """What concerns another child, found once all these children are locked: nobody else adds to it then."""
        keep = [Also(child, held.clinic, held.place) for held, children in self._of_children for child in children[1:]]
        beside.keep(self._connection, keep)
        concerns = beside.concerns(self._connection, moved)
        while self._lock(child for subject, _, other in concerns for child in (subject, other)):
            concerns = beside.concerns(self._connection, moved)
        self._beside = beside.keep(self._connection, beside.facts(self._connection, concerns))

    def _links(self) -> dict[tuple[str, str, str], bool]:
        """All links of these records and of whatever is or was linked to them: do they hold?"""
        links: dict[tuple[str, str, str], bool] = {}
        if not self._connection.execute("SELECT FROM child_link LIMIT 1").rowcount:
            return links
        asked = set(self._alone)
        while asked:  # each asked after it was locked: a link may have ended while we waited
            for child, link, other, holds in self._connection.execute(_LINKS, {"of": _json(list(asked))}):
                links[child, link, other] = holds
            asked = self._lock(child for one, _, other in links for child in (one, other))
        return links

    def _join(self, links: dict[tuple[str, str, str], bool]) -> None:
        """Linked records have one reach; records that were linked have one no more."""
        self._reach = dict(self._alone)
        for group in _groups((one, other) for (one, _, other), holds in links.items() if holds):
            together = _Reach()
            for child in group:
                _later(together.came, self._alone[child].came)
                _later(together.gone, self._alone[child].gone)
            self._reach |= dict.fromkeys(group, together)
        for group in _groups((one, other) for one, _, other in links):
            known = frozenset(clinic for child in group for clinic in self._alone[child].came)
            self._once |= dict.fromkeys(group, known)

    def _scopes(self) -> list[FeedRow]:
        """Children entering a scope bring all that was told about them; clinics they left are told so."""
        within = [(clinic, child) for child, one in self._reach.items() for clinic in one.clinics()]
        self._new = set(self._pairs(_ENTER, within))
        without = [
            (clinic, child)
            for child, one in self._reach.items()
            for clinic in self._once.get(child, frozenset()).union(one.gone) - one.clinics()
        ]
        left = self._pairs(_LEAVE, without)
        rows = [self._left(clinic, child, self._reach[child].gone.get(clinic, "")) for clinic, child in left]
        for clinic, terminal_id, epoch, seqs in self._columns(_STILL, left):
            rows += self._rows(clinic, "also", (terminal_id, epoch), seqs)
        entered = [(c, child, c in self._reach[child].gone) for c, child in self._new if self._others_know(c, child)]
        for clinic, what, terminal_id, epoch, seqs in self._columns(_WHOLE, entered):
            rows += self._rows(clinic, what, (terminal_id, epoch), seqs)
        return rows

    def _columns(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> Iterable[tuple[Any, ...]]:
        """Of a statement that takes rows as arrays; nothing for none."""
        columns = [list(column) for column in zip(*sorted(rows), strict=True)]
        return self._connection.execute(statement.encode(), columns) if columns else ()

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

    def _concerning(self) -> list[FeedRow]:
        """Facts that now concern a child beside their subject, older ones too."""
        runs: dict[tuple[str, str, str], set[int]] = {}
        for child, told_by, (terminal_id, epoch, seq) in self._beside:
            for clinic in self._reach[child].clinics() - {told_by}:
                if (clinic, child) not in self._new:
                    runs.setdefault((clinic, terminal_id, epoch), set()).add(seq)
        return [
            row for (clinic, *where), seqs in runs.items() for row in self._rows(clinic, "also", where, sorted(seqs))
        ]

    def _rows(self, clinic: str, what: str, where: Sequence[str], seqs: list[int]) -> list[FeedRow]:
        terminal_id, epoch = where
        return [
            (clinic, what, terminal_id, epoch, f"{{{','.join(map(str, seqs[at : at + _CHUNK]))}}}", None, self._now)
            for at in range(0, len(seqs), _CHUNK)
        ]

    def _left(self, clinic: str, child: str, clock: str) -> FeedRow:
        to = self._reach[child].left_for(clinic) if child in self._reach else ""
        return self._advice(*reviews.left(clinic, child, clock, to))

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


def _groups(pairs: Iterable[tuple[str, str]]) -> list[set[str]]:
    """What hangs together."""
    of: dict[str, set[str]] = {}
    for one, other in pairs:
        whole = of.get(one, {one}) | of.get(other, {other})
        of |= dict.fromkeys(whole, whole)
    return list({id(group): group for group in of.values()}.values())


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
