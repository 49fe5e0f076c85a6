"""Doses as they stand, and the checks that need no schedule."""

from __future__ import annotations

from datetime import date

import pytest

from domain import doses
from domain.doses import Change, Dose, InHand
from domain.events import Alert

TODAY = date(2026, 11, 23)


def dose(id_: str, vaccine: str = "0202", day: str = "2026-06-19", **facts: object) -> Dose:
    return Dose(id_, "child", vaccine, 1, day, "clinic", dict(facts))


def hand(**more: object) -> InHand:
    return InHand(
        **{"vaccine": "0202", "lot_no": "L1", "expiry_on": "2028-03-17", "recalled": "", "received": True} | more
    )


def check(
    given: list[Dose] | None = None, alerts: tuple[Alert, ...] = (), on: date = TODAY, **more: object
) -> list[str]:
    found = doses.check(
        birth_on="2026-05-19", alerts=alerts, doses=given or [], booklet="seen", hand=hand(**more), given_on=on
    )
    return [p.code for p in found]


def test_changes_apply_in_order_and_name_unknown_doses_in_vain() -> None:
    body = {"fields": {"given_on": ["2026-06-19", "2026-06-18"], "site": ["2", "5"]}, "reason": "x"}
    changes = [Change("a", "corrected", body), Change("a", "voided", {}), Change("gone", "voided", {})]
    (now,) = doses.standing([dose("a", site="2")], changes)
    assert (now.state, now.given_on, now.facts["site"], now.corrected) == (
        "voided",
        "2026-06-18",
        "5",
        ("given_on", "site"),
    )
    assert not now.counts


@pytest.mark.parametrize(
    ("kinds", "state", "counts"),
    [
        (["voided"], "voided", False),
        (["moved"], "moved", False),
        (["disputed"], "disputed", True),
        (["disputed", "voided"], "voided", False),
        (["voided", "moved"], "voided", False),
        (["moved", "disputed"], "moved", False),
    ],
)
def test_what_ended_stays_ended(kinds: list[str], state: str, counts: bool) -> None:
    (now,) = doses.standing([dose("a")], [Change("a", kind, {}) for kind in kinds])
    assert (now.state, now.counts) == (state, counts)


def test_oldest_first_by_the_day_given() -> None:
    given = [dose("b", day="2026-07-01"), dose("c", day="2026-06-01"), dose("a", day="2026-07-01")]
    assert [d.id for d in doses.standing(given, [])] == ["c", "a", "b"]


def test_a_vaccine_without_rules_is_counted_by_its_class() -> None:
    given = [
        dose("a", "0201"),
        dose("b", "0202"),
        dose("c", "0301"),
        Dose("d", "child", "0202", 1, "", "", {}, "voided"),
    ]
    assert (doses.number_without_rules(given, "0203"), doses.number_without_rules(given, "0401")) == (3, 1)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"expiry_on": "2026-11-22"}, "lot.expired"),
        ({"expiry_on": ""}, "lot.no_expiry"),
        ({"recalled": "质量"}, "lot.recalled"),
        ({"received": False}, "package.not_received"),
        ({"on": date(2026, 5, 18)}, "dose.before_birth"),
        ({"given": [dose("a", day="2026-11-23")]}, "dose.same_day"),
    ],
)
def test_each_finding_alone(more: dict[str, object], code: str) -> None:
    assert check(**more) == [code]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"expiry_on": "2026-11-23"},
        {"on": date(2026, 5, 19)},
        {"given": [dose("a", "0301", "2026-11-23")]},
        {"given": [dose("a", day="2026-11-22")]},
    ],
)
def test_what_is_all_right(more: dict[str, object]) -> None:
    assert check(**more) == []


def test_worst_first() -> None:
    alerts = (Alert("allergy", "x", ("02",)),)
    assert check(alerts=alerts, received=False, recalled="x") == [
        "lot.recalled",
        "dose.allergy",
        "package.not_received",
    ]


@pytest.mark.parametrize(
    ("name", "value", "fits"),
    [
        ("given_on", "2026-02-28", True),
        ("given_on", "2026-02-29", False),
        ("given_on", "20260228", False),
        ("given_on", None, False),
        ("expiry_on", "2026-1-01", False),
        ("dose_no", 1, True),
        ("dose_no", 100, False),
        ("dose_no", "1", False),
        ("volume_ml", 0.5, True),
        ("volume_ml", 0, False),
        ("lot_no", "A1", True),
        ("lot_no", 7, False),
    ],
)
def test_what_a_corrected_field_may_be(name: str, value: object, fits: bool) -> None:
    assert doses.can_be(name, value) is fits
