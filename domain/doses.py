"""Doses as they stand after voids, corrections and moves, and the checks that need no schedule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Literal

from domain.events import Alert
from domain.problems import Problem, block, note, override, warn

ORAL = "PO"
UNKNOWN_SITE = "10"
# Where to inject, the left and right of a limb together; the buttock is proposed to nobody.
INJECTION_SITES = ("1", "2", "4", "5")
State = Literal["given", "voided", "moved", "disputed"]
# What may be corrected; another vaccine, child or package is a void and a new dose.
CORRECTABLE = (
    "given_on",
    "dose_no",
    "site",
    "route",
    "lot_no",
    "expiry_on",
    "maker",
    "giver",
    "funding",
    "kind",
    "volume_ml",
)


@dataclass(frozen=True)
class Dose:
    """One vaccination. `state` moved: it was another child's; disputed: still counts, shown as doubted."""

    id: str
    child_id: str
    vaccine: str
    dose_no: int
    given_on: str
    clinic: str
    facts: dict[str, Any] = field(default_factory=dict)  # the rest of the row, by column
    state: State = "given"
    corrected: tuple[str, ...] = ()

    @property
    def counts(self) -> bool:
        return self.state in ("given", "disputed")

    def is_of(self, clinic: str) -> bool:
        """Whether this terminal's clinic answers for it: told it, and gave it or copied it from paper."""
        return not self.facts.get("told_by") and self.clinic in ("", clinic)


@dataclass(frozen=True)
class Change:
    """A later fact about a dose: kind voided, corrected, moved or disputed; `body` is the event's."""

    dose_id: str
    kind: str
    body: dict[str, Any]


def standing(doses: Iterable[Dose], changes: Iterable[Change]) -> list[Dose]:
    """The doses with their changes applied in order, oldest dose first."""
    now = {d.id: d for d in doses}
    for change in changes:
        dose = now.get(change.dose_id)
        if dose is None:
            continue
        if change.kind == "corrected":
            new = {name: pair[1] for name, pair in change.body["fields"].items()}
            own = {k: v for k, v in new.items() if k in ("given_on", "dose_no")}
            now[dose.id] = replace(
                dose, **own, facts={**dose.facts, **new}, corrected=tuple(sorted({*dose.corrected, *new}))
            )
        elif dose.counts:
            now[dose.id] = replace(dose, state=change.kind)  # type: ignore[arg-type]  # the kinds left are states
    return sorted(now.values(), key=lambda d: (d.given_on, d.id))


def is_day(text: Any) -> bool:
    """Whether it is a day of the calendar, written 2026-11-22 and in no other way."""
    try:
        return len(text) == 10 and bool(date.fromisoformat(text))
    except (TypeError, ValueError):
        return False


def can_be(name: str, value: Any) -> bool:
    """Whether a corrected field may have this value; codes are held against their tables elsewhere."""
    if name in ("given_on", "expiry_on"):
        return is_day(value)
    if name == "dose_no":
        return isinstance(value, int) and 1 <= value <= 99
    if name == "volume_ml":
        return isinstance(value, int | float) and 0 < value <= 50
    return isinstance(value, str) and len(value) <= 100


def vaccine_class(vaccine: str) -> str:
    """The class of a four-digit vaccine code: its first two digits."""
    return vaccine[:2]


def number_without_rules(doses: Iterable[Dose], vaccine: str) -> int:
    """One more than the counting doses of the class: the number where no rule of the plan is about the vaccine."""
    return 1 + sum(d.counts and vaccine_class(d.vaccine) == vaccine_class(vaccine) for d in doses)


@dataclass(frozen=True)
class InHand:
    """What the scanned package says, what is known of it, and where it is to go. Empty strings are unknown."""

    vaccine: str
    lot_no: str
    expiry_on: str
    recalled: str
    received: bool
    components: tuple[str, ...] = ()
    route: str = ""
    site: str = ""


def check(
    *,
    birth_on: str,
    alerts: Sequence[Alert],
    doses: Sequence[Dose],
    booklet: str,
    hand: InHand,
    given_on: date,
    max_injections: int | None = None,
    together: bool = False,
) -> list[Problem]:
    """Every finding about giving what is in hand to this child on that day that needs no schedule, worst first.

    `together`: the plan gives this dose on one day with another of its class.
    """
    again = [] if together else repeated(doses, hand.vaccine, given_on.isoformat())
    found = [
        *_check_package(hand, given_on),
        *_check_child(birth_on, alerts, hand, given_on),
        *(again or _check_injections(injected(doses, given_on.isoformat()), hand, max_injections)),
    ]
    if booklet != "seen":
        found.append(note("dose.booklet_not_seen"))
    return worst_first(found)


def worst_first(problems: Iterable[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda p: ("block", "override", "warn", "note").index(p.severity))


def _check_package(hand: InHand, given_on: date) -> list[Problem]:
    found = []
    if hand.recalled:
        found.append(block("lot.recalled", lot=hand.lot_no, reason=hand.recalled))
    if not hand.expiry_on:
        found.append(block("lot.no_expiry"))
    elif hand.expiry_on < given_on.isoformat():
        found.append(block("lot.expired", lot=hand.lot_no, expiry=hand.expiry_on))
    if not hand.received:
        found.append(warn("package.not_received"))
    return found


def _check_child(birth_on: str, alerts: Sequence[Alert], hand: InHand, given_on: date) -> list[Problem]:
    found = []
    if given_on.isoformat() < birth_on:
        found.append(block("dose.before_birth", birth=birth_on, given=given_on.isoformat()))
    for alert in alerts:
        touches = vaccine_class(hand.vaccine) in alert.vaccines or alert.component in hand.components
        uncoded = not alert.vaccines and not alert.component
        if alert.kind == "allergy" and touches:
            found.append(override("dose.allergy", text=alert.text))
        elif touches or (alert.kind == "contraindication" and uncoded):
            found.append(override("dose.contraindicated", text=alert.text))
        elif alert.kind == "allergy" and uncoded:
            found.append(warn("dose.allergy_uncoded", text=alert.text))
    return found


def repeated(doses: Iterable[Dose], vaccine: str, day: str) -> list[Problem]:
    """A dose of the same class counts on that day already."""
    same = [d for d in doses if d.counts and vaccine_class(d.vaccine) == vaccine_class(vaccine)]
    return [block("dose.same_day", vaccine=vaccine) for d in same if d.given_on == day][:1]


def injected(doses: Iterable[Dose], day: str) -> list[Dose]:
    """The counting doses of that day that went through the skin."""
    return [d for d in doses if d.counts and d.given_on == day and d.facts.get("route") not in ("", ORAL)]


def _check_injections(before: Sequence[Dose], hand: InHand, most: int | None) -> list[Problem]:
    """Injections of one day never share a site (预防接种工作规范); more than the clinic allows need a reason."""
    if hand.route in ("", ORAL):
        return []
    found = [block("dose.same_site") for d in before if d.facts["site"] == hand.site != UNKNOWN_SITE][:1]
    if most is not None and len(before) >= most:
        found.append(override("dose.too_many_injections", count=len(before) + 1, most=most))
    return found


def free_site(usual: str, before: Iterable[Dose], sites: Sequence[str]) -> str:
    """The usual site, or when it was used that day the other side, or the next one free; the usual when none is.

    `sites` in pairs of one limb's left and right.
    """
    used = {d.facts["site"] for d in before}
    if usual not in used or usual not in sites:
        return usual
    other_side = sites[sites.index(usual) ^ 1]
    return next((site for site in (other_side, *sites) if site not in used), usual)
