"""What every verb of the counter works with: the desk, the person acting, and what comes back."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Concatenate, Generic, Literal, ParamSpec, TypeVar

from config.plans import Plans
from config.settings import Settings
from domain.permissions import Permission, require
from domain.problems import Problem, block
from domain.schedule.plan import Plan
from domain.world import World
from terminal.store import ledger
from terminal.store.database import Store, reading

if TYPE_CHECKING:
    from terminal.usecases.schedule import Foreseen

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Actor:
    """A signed-in member of staff."""

    code: str
    name: str
    grades: tuple[str, ...]


@dataclass
class Desk:
    """One counter. `shift` is what a person who confirmed the date added to a doubtful clock."""

    store: Store
    world: World
    settings: Settings
    plans: Plans
    clock: Literal["sure", "doubtful", "confirmed"] = "sure"
    shift: timedelta = field(default_factory=timedelta)
    ill: str = ""  # code of what forbids all work, such as damaged records
    foreseen: Foreseen | None = None  # of the package last checked
    approvals: frozenset[tuple[str, str]] = frozenset()  # (programme, digest of its data) a physician answers for

    @property
    def clinic(self) -> str:
        return self.settings.clinic.code

    @property
    def plan(self) -> Plan:
        """The immunization programme the clinic goes by."""
        return self.plans.plan

    @property
    def approved(self) -> bool:
        """Whether a physician answers for the edition in force today and for the supplement.

        Until then every screen and slip says demonstration edition.
        """
        supplement = self.plan.supplement
        names = [self.plan.programme(self.today()).name, *([supplement.name] if supplement else [])]
        return {(name, self.plans.digests[name]) for name in names} <= self.approvals

    def local_now(self) -> datetime:
        """The clinic's wall clock, with the confirmed shift."""
        return (self.world.now() + self.shift).astimezone(self.world.zone)

    def today(self) -> date:
        return self.local_now().date()

    def stated_now(self) -> str:
        """The present as a nurse would write it: 2026-11-22T09:42."""
        return self.local_now().strftime("%Y-%m-%dT%H:%M")


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """What a verb found and did. `value` is None when something stopped it."""

    value: T | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def ok(self) -> bool:
        return self.value is not None


def stop(*problems: Problem) -> Outcome[T]:
    """Nothing was done, and why."""
    return Outcome(None, problems)


def verb(
    permission: Permission, *, reads: bool = False
) -> Callable[[Callable[Concatenate[Desk, Actor, P], Outcome[T]]], Callable[Concatenate[Desk, Actor, P], Outcome[T]]]:
    """A verb of the counter: asks for the permission, audits a refusal, and runs on the store thread.

    `reads`: a long list. It runs on the reading thread, sees what was recorded before it was asked for, and writes
    that it was looked at by `ledger.note`.
    """

    def wrap(
        work: Callable[Concatenate[Desk, Actor, P], Outcome[T]],
    ) -> Callable[Concatenate[Desk, Actor, P], Outcome[T]]:
        def run(desk: Desk, actor: Actor, /, *args: P.args, **kwargs: P.kwargs) -> Outcome[T]:
            if desk.ill:
                return stop(block(desk.ill))
            missing = desk.store.run(missing_right, desk, actor, permission)
            if missing:
                return stop(*missing)
            there = desk.store.read if reads else desk.store.run
            return there(work, desk, actor, *args, **kwargs)

        functools.update_wrapper(run, work)
        return reading(run) if reads else run

    return wrap


def missing_right(desk: Desk, actor: Actor, permission: Permission) -> list[Problem]:
    """Empty, or the block that says who may do it; a refusal is audited. On the store thread."""
    missing = require(actor.grades, permission)
    if missing:
        with ledger.tell(desk.store, desk.world, actor.code) as entry:
            entry.audit("permission.denied", permission=permission.value)
    return missing
