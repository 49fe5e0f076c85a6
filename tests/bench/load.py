"""Encrypted records of a synthetic clinic, written in bulk and kept for the next run.

The store's own functions say what the rows are; they come in the order of time, so that a child's doses lie as far
apart on the disk as in life: events with their chain, people, search texts, doses, and the forecasts at the end.
Nobody looked: there is no audit.
"""

from __future__ import annotations

import inspect
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

from config import plans, settings, tables
from domain import events, pinyin
from domain.events import ChildRegistered, DoseGiven
from domain.wire import chain, event
from domain.world import CHINA, World, utc_text
from terminal.demo import synthetic
from terminal.demo.synthetic import Scale
from terminal.store import children, doses, ledger, migrations, recount
from terminal.store.database import Store

KEY = sha256(b"key of the benchmarks").digest()
TODAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 5, tzinfo=UTC)  # the afternoon after the last synthetic dose
TERMINAL, EPOCH = "01a1ff00-0000-7000-8000-00000000000a", "be" * 16
CACHE = Path(__file__).parents[2] / ".deps" / "bench"
SEED = 20261122
_PLANS = plans.load(settings.Programme())
_SIZES = {"tiny": Scale(60, 900, 200, 7)}


def size_of(name: str) -> Scale:
    """clinic and district of the targets, and tiny to try things out."""
    return _SIZES.get(name) or synthetic.scale(name)


@dataclass(frozen=True)
class _Fact:
    """A registration or a dose; `at` is the clinic's wall clock, which also orders the facts."""

    at: str
    child: int
    body: ChildRegistered | DoseGiven


def records(name: str) -> Path:
    """The records of this size; made at the first call, then read only: work on a copy."""
    path = CACHE / f"{name}-{migrations.VERSION}-{_recipe()}.db"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        for old in CACHE.glob(f"{name}-*"):
            old.unlink()
        draft = path.with_suffix(f".{os.getpid()}.new")
        _make(draft, size_of(name))
        draft.rename(path)
    return path


def copy_of(name: str, path: Path) -> Path:
    """A copy of the records at `path`, to work on."""
    return Path(shutil.copyfile(records(name), path))


def _recipe() -> str:
    """Changes when what makes the records changes."""
    makers = (_make, _facts, _Pile, _write, synthetic, events, event, chain, ledger, children, doses, pinyin)
    texts = [inspect.getsource(one) for one in makers]
    return sha256("".join([*texts, *migrations.STEPS, _PLANS.stamp(TODAY)]).encode()).hexdigest()[:12]


def _make(path: Path, size: Scale) -> None:
    path.unlink(missing_ok=True)
    rng = Random(SEED)
    people = list(synthetic.people(size.children, rng, TODAY, size.years, synthetic.CLINIC))
    facts = _facts(people, size, rng)
    store = Store(path, KEY)
    store.run(ledger.found, store, TERMINAL, EPOCH)
    store.run(_write, store, facts, Random(SEED + 1))
    recount.recount(store, _PLANS, TODAY, workers=2)
    store.close()


def _facts(people: Sequence[ChildRegistered], size: Scale, rng: Random) -> list[_Fact]:
    """Registrations and doses, oldest first."""
    facts = [_Fact(f"{child.birth_on}T00:00", number, child) for number, child in enumerate(people)]
    histories = synthetic.histories(people, TODAY, rng, tables.products(), size)
    for number, given in enumerate(histories):
        facts += [_Fact(dose.given_at, number, dose.body) for dose in given]
    return sorted(facts, key=lambda fact: (fact.at, fact.child))


class _Pile:
    """What the store's own functions see as the store and its database: rows are piled up and written many at a time,
    and before anything is read."""

    def __init__(self, store: Store) -> None:
        self._store, self._rows, self._count = store, dict[str, list[Sequence[Any]]](), Counter[str]()
        self.db = self
        self.lastrowid = 0

    def execute_sql(self, statement: str, row: Sequence[Any] = ()) -> _Pile:
        self._rows.setdefault(statement, []).append(row)
        self._count[statement] += 1
        self.lastrowid = self._count[statement]  # right for a table filled by one statement alone
        return self

    def insert(self, table: Any, row: dict[str, Any]) -> None:
        marks = ", ".join("?" for _ in row)
        self.execute_sql(
            f"INSERT INTO {table._meta.table_name} ({', '.join(row)}) VALUES ({marks})", tuple(row.values())
        )

    def sql(self, text: str, *params: Any) -> list[tuple[Any, ...]]:
        self.write()
        return self._store.sql(text, *params)

    def write(self) -> None:
        for statement, rows in self._rows.items():
            self._store.db.connection().executemany(statement, rows)
        self._rows.clear()


def _write(store: Store, facts: Iterable[_Fact], rng: Random) -> None:
    """One transaction for everything; foreign keys hold at its end."""
    told_at = datetime.fromtimestamp(0, UTC)
    pile: Any = _Pile(store)
    child_ids: dict[int, str] = {}
    with store.transaction():
        store.db.execute_sql("PRAGMA defer_foreign_keys = 1")
        entry = ledger.Entry(pile, World(now=lambda: told_at, random=rng.randbytes), "N001")
        for fact in facts:
            told_at = datetime.fromisoformat(fact.at).replace(tzinfo=CHINA) + timedelta(seconds=rng.randrange(60))
            entry.now, entry.at = told_at, utc_text(told_at)
            if isinstance(fact.body, ChildRegistered):
                child_ids[fact.child] = entry.fact("child.registered", "", fact.body, fact.at)
                children.add(entry, child_ids[fact.child], fact.body, fact.at[:10])
            else:
                child_id = child_ids[fact.child]
                doses.add(entry, entry.fact("dose.given", child_id, fact.body, fact.at), child_id, fact.body, fact.at)
        entry.finish()
        pile.write()
