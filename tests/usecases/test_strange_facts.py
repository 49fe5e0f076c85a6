"""A strange fact of one child stops neither the other children's forecasts nor the inbox nor the feed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain import events
from domain.wire.feed import Advice
from sync.ports import Told
from terminal.store import recount
from terminal.store.inbox import StoreInbox
from terminal.usecases.exchange_view import missing_hours, read_inbox
from terminal.usecases.find_child import view_child
from terminal.usecases.schedule import page_of
from tests.fakes.desk import CLINIC, made, make_desk
from tests.fakes.voices import ELSEWHERE, Voice

Row = Told | Advice


def _born(day: str) -> Callable[[Voice], list[Row]]:
    def rows(voice: Voice) -> list[Row]:
        voice.dose(voice.child(born=day))
        return list(voice.told)

    return rows


def _told(kind: str, body: Callable[[str], Any]) -> Callable[[Voice], list[Row]]:
    """About a dose of a child."""

    def rows(voice: Voice) -> list[Row]:
        child = voice.child()
        voice.tell(kind, body(voice.dose(child)), child)
        return list(voice.told)

    return rows


def _advised(code: str, **params: Any) -> Callable[[Voice], list[Row]]:
    def rows(voice: Voice) -> list[Row]:
        child = voice.child()
        voice.dose(child)
        return [Advice(code, "key", True, child, params), *voice.told]

    return rows


STRANGE = {
    "born at the end of time": _born("9999-12-31"),
    "born before any plan": _born("0001-01-01"),
    "born anew": _told("child.updated", lambda _: events.ChildUpdated({"birth_on": ("2025-11-20", "9990-01-01")})),
    "no vaccine": _told("dose.given", lambda _: events.DoseGiven("", "", 1, ELSEWHERE)),
    "no day": _told("dose.deferred", lambda _: events.DoseDeferred("", "1201", "deferred", "r", "soon")),
    "due some day": _told("correction.requested", lambda dose: events.CorrectionRequested(dose, "r", "soon")),
    "due at the end": _told("correction.requested", lambda dose: events.CorrectionRequested(dose, "r", "9999-12-31")),
    "a double of nothing": _advised("review.possible_double"),
    "a desk of nobody": _advised("desk.replaced"),
    "a desk of yesterday": _advised("desk.replaced", terminal="t", desk="1", last_at="yesterday", last_receipt=""),
}


@pytest.mark.parametrize("strange", STRANGE.values(), ids=STRANGE)
def test_everything_else_goes_on(tmp_path: Path, strange: Callable[[Voice], list[Row]]) -> None:
    t = make_desk(tmp_path)
    desk, inbox = t.desk, StoreInbox(t.desk.store, t.desk.world, CLINIC)
    inbox.apply_page(strange(Voice(desk.world, "E-1", ELSEWHERE)), "cursor")
    recount.recount(desk.store, desk.plans, desk.today())
    assert recount.stale(desk.store, desk.plans.stamp(desk.today())) == []
    for (child_id,) in desk.store.sql("SELECT id FROM child"):
        made(desk.store.run(view_child, desk, t.nurse, child_id))
        assert page_of(desk, child_id)
    shown = made(read_inbox(desk, t.nurse))
    assert len(shown.requests) == desk.store.sql("SELECT count(*) FROM request")[0][0]
    assert len(missing_hours(desk)) == len(shown.missing)
    desk.store.close()


def test_a_dose_counts_whatever_day_its_package_says(tmp_path: Path) -> None:
    t = make_desk(tmp_path)
    voice = Voice(t.desk.world, "E-1", ELSEWHERE)
    child = voice.child()
    dose = voice.dose(child, expiry_on="2027-13")
    StoreInbox(t.desk.store, t.desk.world, CLINIC).apply_page(voice.told, "cursor")
    opened = made(t.desk.store.run(view_child, t.desk, t.nurse, child))
    assert [(one.id, one.facts["expiry_on"]) for one in opened.doses] == [(dose, "")]
    t.desk.store.close()
