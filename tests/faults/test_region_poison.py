"""Facts of every kind with any contents: the worker never stands still over one. Each is applied or set aside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from domain import events
from domain.world import World
from regional import queries
from regional.keys import KeyRing
from regional.serve import EmbeddedRegion
from regional.worker import Applier
from sync.feed import Feed
from sync.keys import region_keys
from terminal.store.inbox import StoreInbox
from tests.fakes.ledgers import new_store
from tests.region_fixtures import Terminal

New = Callable[..., Terminal]
CLINIC = "3101150909"
ODD = st.sampled_from([
    "", "x", "child-p", "child-q", "p1", "p2", "p3", "\0", "2026-11-22", "9999-99-99", "0000-00-00", CLINIC, "02",
    "~" * 16, "0" * 16, "f" * 16, "𠮷", "' OR 1=1 --", "{}", "[]", "null", "x" * 3000, "%s", "\\", "\u202e", "-1",
])  # fmt: skip
USUAL = st.sampled_from(["", "x", "child-p", "child-q", *[f"p{n}" for n in range(30)], "2026-11-22", CLINIC, "02"])
TEXTS = st.one_of(USUAL, USUAL, USUAL, ODD)
NUMBERS = st.sampled_from([0, 1, -1, 2**31, 2**63 - 1, -(2**63), 2**64 - 1, 0.5, 1e308, -0.0])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
IDENTIFIER = st.fixed_dictionaries({"kind": TEXTS, "value": TEXTS, "issuer": TEXTS})
PAIR = st.tuples(VALUES, VALUES) | st.tuples(st.lists(IDENTIFIER, max_size=2), st.lists(IDENTIFIER, max_size=2))
NAMES = st.sampled_from(
    ["name", "sex", "birth_on", "identifiers", "clinic", "site", "lot_no", "vaccine", "*", "\0", ""]
)
LIKELY: dict[str, st.SearchStrategy[Any]] = {  # by the type a field is written with
    "str": TEXTS, "int": NUMBERS, "float": NUMBERS, "bool": st.booleans(),
}  # fmt: skip


def field_of(name: str, written: str) -> st.SearchStrategy[Any]:
    """Mostly of its type, sometimes of any."""
    if name == "fields":
        return st.dictionaries(NAMES, PAIR, max_size=3)
    if name == "identifiers":
        return st.lists(IDENTIFIER, max_size=3)
    right = LIKELY.get(written, VALUES)
    return st.one_of(right, right, right, VALUES)


def body_of(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    annotations = events.BODIES[kind].__annotations__
    given_ = {name: field_of(name, str(written)) for name, written in annotations.items()}
    config = msgspec.structs.fields(events.BODIES[kind])
    required = {one.name for one in config if one.required}
    return st.fixed_dictionaries(
        {name: given_[name] for name in required}, optional={n: s for n, s in given_.items() if n not in required}
    )


@st.composite
def facts(draw: st.DrawFn) -> dict[str, Any]:
    """A fact as a strange program would tell it; ids come again, so that facts meet."""
    kind = draw(st.sampled_from([*events.BODIES, "moon.landed"]))
    return {
        "kind": kind,
        "schema": draw(st.sampled_from([1, 1, 1, 1, 2])),
        "actor": draw(TEXTS),
        "offset_ms": draw(st.sampled_from([0, None, 2**62])),
        "subject": draw(st.sampled_from(["child-p"] * 9 + ["child-q"] * 6 + ["", "x" * 3000, "\0"])),
        "stated": draw(TEXTS),
        "recorded_at": draw(st.sampled_from(["2026-11-22T01:00:00.000Z"] * 20 + ["", "x", "\0"])),
        "hlc": draw(st.sampled_from([f"{n:016x}" for n in range(4)] + ["", "~"])),
        "event_id": draw(st.sampled_from([f"p{n}" for n in range(30)] + ["", "x" * 3000, "\0"])),
        "body": draw(VALUES if kind == "moon.landed" else body_of(kind)),
    }


@dataclass
class Batch:
    """Forty of them, told in a word when a test fails."""

    facts: list[dict[str, Any]] = field(repr=False)


@pytest.fixture
def applier(region: EmbeddedRegion):
    applier = Applier(region.dsn, KeyRing(region.folder / "keys", World().now()), World())
    yield applier
    applier.close()


def test_no_fact_stops_the_queue(region: EmbeddedRegion, terminal: New, applier: Applier, tmp_path):
    """Batches of forty; after each the queue is empty and a good dose of the same batch is there."""
    desks = [terminal(clinic=CLINIC), terminal(clinic="3101150910")]
    good: list[str] = []

    @settings(
        max_examples=15, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.lists(facts(), min_size=40, max_size=40).map(Batch), st.integers(0, 1))
    def run(told: Batch, number: int) -> None:
        one = desks[number]
        for fact in told.facts:
            one.outbox.tell_raw(msgspec.json.encode(fact))
        good.append(one.outbox.give("child-good"))
        one.sync()
        while applier.apply():
            pass
        assert queries.unapplied(region.dsn) == 0

    run()
    there = [row.dose_id for row in queries.doses(region.dsn) if row.child_id == "child-good"]
    assert there == sorted(good)
    store, one = new_store(tmp_path / "records.db"), desks[0]
    try:
        inbox = StoreInbox(store, one.world, CLINIC)
        assert Feed(inbox, one.client, region_keys(one.outbox), one.me, one.world).check() == [], "and all comes back"
    finally:
        store.close()
