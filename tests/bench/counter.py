"""Rows of the counter: a child is scanned, searched, a package is checked, a dose is recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from random import Random
from typing import Any

from config import tables
from domain import pinyin
from domain.codes import Package, TracePackage, classify
from terminal.demo import synthetic
from terminal.store.database import Store
from terminal.usecases.desk import Desk
from terminal.usecases.find_child import search as search_children
from terminal.usecases.find_child import view_child
from terminal.usecases.receive_stock import receive_stock
from terminal.usecases.record_dose import record_dose
from terminal.usecases.scan_routing import route_scan, scan_rules
from terminal.usecases.visit import open_visit
from tests.bench import load
from tests.bench.bench import KEEPER, NURSE, Bench
from tests.bench.due import wanted
from tests.bench.figures import Figure, Target, of_times, timed, took_ms

SCAN_MS = {"clinic": 50, "district": 60}
_BY_NUMBER = "SELECT c.* FROM identifier i JOIN child c ON c.id = i.child_id WHERE i.value = ?"
_BY_PACKAGE = "SELECT l.* FROM package p JOIN lot l ON l.id = p.lot_id WHERE p.code = ?"
_BY_TEXT = "SELECT rowid FROM child_text WHERE words MATCH ? LIMIT 200"


def scan(bench: Bench) -> Iterator[Figure]:
    """A booklet is scanned until all of the child is there, both looks audited. No window yet: no repaint."""
    for size in bench.sizes:
        desk, rng = bench.desk(size), Random(load.SEED)
        booklets = [row[0] for row in desk.store.sql("SELECT value FROM identifier WHERE kind = 'booklet'")]
        times, floor = [], []
        for number in rng.sample(booklets, bench.rounds(400)):
            floor.append(took_ms(desk.store.run, desk.store.sql, _BY_NUMBER, number))
            times.append(took_ms(_open, desk, number))
        yield of_times("scan -> child ready", size, times, floor, Target("p99", SCAN_MS.get(size, 60)))


def _open(desk: Desk, number: str) -> None:
    answer = route_scan(desk, NURSE, number)
    assert view_child(desk, NURSE, answer.child_id).ok


def record(bench: Bench) -> Iterator[Figure]:
    """A package is checked, then the dose recorded. Every other dose is recorded by the same statements in raw SQL, in
    one transaction of the same connection: that is the floor."""
    for size in bench.sizes:
        desk = bench.desk(size)
        checks, reads, times, floor = [], [], [], []
        for number, (child_id, package) in enumerate(chairs(desk, bench.rounds(400), load.SEED + 1)):
            open_visit(desk, NURSE, child_id, {"fever": "no"}, True, "seen")
            reads.append(took_ms(desk.store.run, desk.store.sql, _BY_PACKAGE, package))
            took, checked_id = timed(check, desk, child_id, package)
            checks.append(took)
            if number % 2:
                times.append(took_ms(record_dose, desk, NURSE, checked_id))
            else:
                floor.append(_record_raw(desk, checked_id))
            assert desk.store.sql("SELECT 1 FROM dose WHERE id = ?", checked_id)
        yield of_times("package scan -> verdict", size, checks, reads, Target("p99", SCAN_MS.get(size, 60)))
        yield of_times("record a dose", size, times, floor, Target("ratio", 2), Target("p99", 15))


def check(desk: Desk, child_id: str, package: str) -> str:
    """Scan the package for the child; gives the id of the checked dose."""
    verdict = route_scan(desk, NURSE, package, child_id).verdict
    assert verdict and verdict.checked_id, verdict
    return verdict.checked_id


def chairs(desk: Desk, n: int, seed: int) -> Iterator[tuple[str, str]]:
    """Children without an alert and without a dose today, each with a package just received of what is due."""
    day = list(islice(wanted(desk, seed), n))
    boxes: dict[str, list[str]] = {}
    for lot in synthetic.lots(tables.products(), Random(seed), load.TODAY, packages=n):
        prefix = lot.product.prefix7
        codes = lot.packages[: sum(product.prefix7 == prefix for _, product in day)]
        parsed = [classify(code, scan_rules(desk)) for code in codes]
        scanned = [code for code in parsed if isinstance(code, Package | TracePackage)]
        if scanned:
            assert receive_stock(desk, KEEPER, scanned, lot.lot_no, lot.expiry_on).ok
        boxes[prefix] = list(codes)
    return ((child_id, boxes[product.prefix7].pop()) for child_id, product in day)


class _Undo(Exception):
    pass


def _record_raw(desk: Desk, checked_id: str) -> float:
    """What `record_dose` writes, found by a rehearsal that is undone, written for good by raw SQL; milliseconds."""
    said: list[tuple[str, Any]] = []

    def rehearse() -> None:
        with desk.store.transaction():
            with _listening(desk.store, said):
                assert record_dose(desk, NURSE, checked_id).ok
            raise _Undo

    try:
        desk.store.run(rehearse)
    except _Undo:
        return desk.store.run(_replay, desk.store, said)
    raise AssertionError("the rehearsal was not undone")


@contextmanager
def _listening(store: Store, said: list[tuple[str, Any]]) -> Iterator[None]:
    """Note every change the store makes."""
    plain: Callable[..., Any] = store.db.execute_sql

    def note(statement: str, params: Any = None, *more: Any) -> Any:
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            said.append((statement, params or ()))
        return plain(statement, params, *more)

    store.db.execute_sql = note
    try:
        yield
    finally:
        del store.db.execute_sql


def _replay(store: Store, said: Sequence[tuple[str, Any]]) -> float:
    return took_ms(_write, store.db.connection(), said)


def _write(connection: Any, said: Sequence[tuple[str, Any]]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for statement, params in said:
        connection.execute(statement, params)
    connection.execute("COMMIT")


def search(bench: Bench) -> Iterator[Figure]:
    """Every key of names, pinyin, initials, phones and booklet numbers as they are typed."""
    for size in bench.sizes:
        desk = bench.desk(size)
        keys = _keys(desk.store, bench.rounds(40))
        times = [took_ms(search_children, desk, typed) for typed in keys]
        floor = [took_ms(desk.store.sql, _BY_TEXT, pinyin.search_query(typed)) for typed in keys]
        yield of_times("search while typing", size, times, floor, Target("p99", 50))


def _keys(store: Store, children: int) -> list[str]:
    rng = Random(load.SEED + 2)
    rows = store.sql(
        "SELECT c.name, pinyin, initials, phone, value FROM child c JOIN guardian g ON g.child_id = c.id"
        " JOIN identifier i ON i.child_id = c.id WHERE c.name <> '' AND phone <> '' AND i.kind = 'booklet'"
    )
    words = [word for row in rng.sample(rows, children) for word in (row[0], row[1].replace(" ", ""), *row[2:])]
    return [word[:length] for word in words for length in range(1, len(word) + 1)]
