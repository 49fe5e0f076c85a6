"""What the overview pages show: counts and states of terminals, doses and open matters. No person stands in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, Literal

from domain.world import from_utc_text, utc_text
from regional import administration
from regional.administration import Standing
from regional.database import Connection
from sync.messages import version

STRIP_DAYS = 14
SILENT = timedelta(hours=36)  # a night's upload was missed
ENDS_SOON = timedelta(days=15)  # of 90: by now it should have been renewed by itself
CLOCK_MS = 5 * 60_000  # beyond, signed requests are refused
MOST = 500  # lines of a page; a list has one more when another page follows
By = Literal["day", "vaccine", "clinic"]


@dataclass(frozen=True)
class TerminalRow:
    """A terminal, and how its facts come in.

    `silent`: nothing was acknowledged for long. `days`: events received on each of the last days, oldest first; `gaps`
    of them are working days since it was enrolled on which nothing came. `waiting`: received and not yet applied.
    """

    of: Standing
    ends_soon: bool
    silent: bool
    waiting: int
    epochs: int
    old_client: bool
    days: tuple[int, ...]
    gaps: int

    @property
    def clock_off(self) -> bool:
        return self.of.offset_ms is not None and abs(self.of.offset_ms) > CLOCK_MS


_BESIDE = """
SELECT t.terminal_id, t.enrolled_at, coalesce(w.n, 0)::bigint,
    (SELECT count(*) FROM epoch o WHERE o.terminal_id = t.terminal_id), r.oldest_client
FROM terminal t CROSS JOIN region_state r
LEFT JOIN (SELECT terminal_id, sum(last_seq - first_seq + 1) AS n FROM batch
    WHERE applied_at IS NULL AND problem IS NULL GROUP BY 1) w USING (terminal_id)
"""
_BY_DAY = """
SELECT terminal_id, (received_at AT TIME ZONE %s)::date, sum(last_seq - first_seq + 1) FROM batch
WHERE received_at >= %s GROUP BY 1, 2
"""


def terminals(connection: Connection, now: datetime, zone: tzinfo, clinic: str = "") -> list[TerminalRow]:
    """Every terminal by clinic and desk, or those of one clinic."""
    today = now.astimezone(zone).date()
    days = [today - timedelta(days=back) for back in reversed(range(STRIP_DAYS))]
    since = now - timedelta(days=STRIP_DAYS + 1)
    came = {(one, day): int(count) for one, day, count in connection.execute(_BY_DAY, (str(zone), since))}
    beside = {row[0]: row[1:] for row in connection.execute(_BESIDE)}
    return [
        _row(one, beside[one.terminal_id], [came.get((one.terminal_id, day), 0) for day in days], days, now, zone)
        for one in administration.standings(connection, now)
        if clinic in ("", one.clinic) and one.terminal_id in beside
    ]


def _row(
    one: Standing, beside: Sequence[Any], came: Sequence[int], days: Sequence[date], now: datetime, zone: tzinfo
) -> TerminalRow:
    enrolled_at, waiting, epochs, oldest = beside
    heard = from_utc_text(one.acked_at) if one.acked_at else enrolled_at
    enrolled = enrolled_at.astimezone(zone).date()
    return TerminalRow(
        of=one,
        ends_soon=one.state == "active" and one.expires_at < utc_text(now + ENDS_SOON),
        silent=one.state != "revoked" and now - heard > SILENT,
        waiting=waiting,
        epochs=epochs,
        old_client=bool(one.client) and version(one.client) < version(oldest),
        days=tuple(came),
        gaps=sum(
            not count and day.weekday() < 5 and enrolled < day < days[-1] for day, count in zip(days, came, strict=True)
        ),
    )


@dataclass(frozen=True)
class DoseFilter:
    """Which doses: days included, "" any clinic and any vaccine (a code, or its first two digits)."""

    since: date
    until: date
    clinic: str = ""
    vaccine: str = ""
    by: By = "day"
    page: int = 0


@dataclass(frozen=True)
class Doses:
    """Doses given, as they stand after voids and corrections. `lines`: what is counted by, programme, self-paid; `most`
    of a line and `total` are of all pages."""

    lines: list[tuple[str, int, int]]
    most: int
    total: int


_DOSES = """
SELECT {by}, count(*) FILTER (WHERE funding IS DISTINCT FROM 'self'), count(*) FILTER (WHERE funding = 'self'),
    max(count(*)) OVER (), (sum(count(*)) OVER ())::bigint
FROM dose_counted WHERE day BETWEEN %(since)s AND %(until)s AND %(clinic)s IN ('', clinic)
    AND (%(vaccine)s = '' OR starts_with(vaccine, %(vaccine)s)) AND {by} IS NOT NULL
GROUP BY 1 ORDER BY {order} LIMIT %(lines)s OFFSET %(after)s
"""
_ORDER = {"day": "1", "vaccine": "1", "clinic": "count(*) DESC, 1"}


def doses(connection: Connection, which: DoseFilter) -> Doses:
    """Counted by day, vaccine or clinic."""
    params = {
        "since": which.since.isoformat(),
        "until": which.until.isoformat(),
        "clinic": which.clinic,
        "vaccine": which.vaccine,
        **_page(which.page),
    }
    statement = _DOSES.format(by=which.by, order=_ORDER[which.by])
    rows = connection.execute(statement.encode(), params).fetchall()
    most, total = rows[0][3:] if rows else (0, 0)
    return Doses([(key, programme, own) for key, programme, own, *_ in rows], most, total)


def _page(number: int) -> dict[str, int]:
    return {"lines": MOST + 1, "after": number * MOST}


def clinics(connection: Connection) -> dict[str, str]:
    """Code -> name."""
    return dict(connection.execute("SELECT code, name FROM clinic ORDER BY code").fetchall())


@dataclass(frozen=True)
class SetAside:
    """An event in quarantine, by its place alone."""

    clinic: str
    desk: str
    terminal_id: str
    epoch: str
    seq: int
    reason: str
    at: datetime


_SET_ASIDE = """
SELECT t.clinic_code, t.desk, q.terminal_id, q.epoch, q.seq, q.reason, q.at FROM quarantine q JOIN terminal t
USING (terminal_id) WHERE %(reason)s IN ('', q.reason) AND %(clinic)s IN ('', t.clinic_code)
ORDER BY q.at DESC, q.seq, q.terminal_id, q.epoch LIMIT %(lines)s OFFSET %(after)s
"""


def quarantine(connection: Connection, reason: str = "", clinic: str = "", page: int = 0) -> list[SetAside]:
    """The latest first."""
    rows = connection.execute(_SET_ASIDE, {"reason": reason, "clinic": clinic, **_page(page)})
    return [SetAside(*row) for row in rows]


def quarantine_reasons(connection: Connection) -> list[tuple[str, int]]:
    return connection.execute("SELECT reason, count(*) FROM quarantine GROUP BY 1 ORDER BY 2 DESC, 1").fetchall()


@dataclass(frozen=True)
class OpenMatter:
    """Something for a person to decide; `mark` leads to the child's record, which is audited."""

    mark: str
    kind: str
    field: str
    clinics: tuple[str, ...]
    at: datetime


_REVIEWS = """
SELECT mark, kind, field, clinics, at FROM review_mark WHERE %(kind)s IN ('', kind)
ORDER BY at, mark LIMIT %(lines)s OFFSET %(after)s
"""


def reviews(connection: Connection, kind: str = "", page: int = 0) -> list[OpenMatter]:
    """The oldest first."""
    rows = connection.execute(_REVIEWS, {"kind": kind, **_page(page)})
    return [OpenMatter(mark, kind_, field_, tuple(who), at) for mark, kind_, field_, who, at in rows]


def review_kinds(connection: Connection) -> list[tuple[str, int]]:
    return connection.execute("SELECT kind, count(*) FROM review_mark GROUP BY 1 ORDER BY 1").fetchall()
