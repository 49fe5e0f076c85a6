"""Vials and packages: which vial the next dose comes from, and whether it may still be used."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.problems import Problem, block, override


@dataclass(frozen=True)
class Contents:
    """What a package holds. `open_hours` limits an opened multi-dose vial; None: until the end of the session."""

    doses_per_vial: int
    vials: int
    open_hours: float | None

    @property
    def doses(self) -> int:
        return self.doses_per_vial * self.vials


@dataclass(frozen=True)
class Use:
    """One movement of a package: `doses` is 1, or -1 when a void gave the use back."""

    vial_no: int
    doses: int
    at: datetime
    dose_id: str


@dataclass(frozen=True)
class Vial:
    """The vial a dose comes from: the nth of its package, since when it is open, doses left before this one."""

    number: int
    opened_at: datetime | None
    left_in_vial: int
    left_in_package: int


def next_vial(uses: Iterable[Use], contents: Contents, fresh: bool = False) -> Vial:
    """The vial the next dose comes from. `fresh`: the nurse opens a new one although doses are left in the last."""
    standing = _standing(uses)
    used = len(standing)
    last = max((u.vial_no for u in standing), default=1)
    in_last = [u for u in standing if u.vial_no == last]
    number = last + 1 if in_last and (fresh or len(in_last) >= contents.doses_per_vial) else last
    drawn = [u for u in standing if u.vial_no == number]
    wasted = sum(contents.doses_per_vial - sum(u.vial_no == n for u in standing) for n in range(1, number))
    return Vial(
        number=number,
        opened_at=min((u.at for u in drawn), default=None),
        left_in_vial=contents.doses_per_vial - len(drawn),
        left_in_package=max(0, contents.doses - used - max(0, wasted)),
    )


def _standing(uses: Iterable[Use]) -> list[Use]:
    """The uses that were not given back, told in the order they happened (the clock may have gone back meanwhile)."""
    by_dose: dict[str, Use] = {}
    for use in uses:
        if use.doses > 0:
            by_dose[use.dose_id] = use
        else:
            by_dose.pop(use.dose_id, None)
    return list(by_dose.values())


def check_vial(vial: Vial, contents: Contents, now: datetime) -> list[Problem]:
    """Used up, or open too long. `now` is the clinic's wall clock: a session ends with its day."""
    if vial.number > contents.vials or vial.left_in_package < 1:
        return [override("package.used_up", doses=contents.doses)]
    if vial.opened_at and contents.open_hours is None:
        opened = vial.opened_at.astimezone(now.tzinfo).date()
        return [block("vial.opened_another_day", day=opened.isoformat())] if opened != now.date() else []
    if vial.opened_at and contents.open_hours is not None:
        open_for = now - vial.opened_at
        if open_for > timedelta(hours=contents.open_hours):
            minutes = int(open_for.total_seconds() // 60)
            return [block("vial.open_too_long", minutes=minutes, limit=int(contents.open_hours * 60))]
    return []
