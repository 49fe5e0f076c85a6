"""What every clinic of the demonstration is set up with: a place in a region, and verbs that must not be stopped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from terminal.usecases.desk import Outcome

T = TypeVar("T")


@dataclass(frozen=True)
class Where:
    """A region that runs elsewhere: its address, its certificate file, a one-time code."""

    url: str
    ca_file: Path
    code: str


def done(outcome: Outcome[T]) -> T:
    """The value of a verb that must not have been stopped here."""
    if outcome.value is None:
        raise RuntimeError(f"the synthetic clinic is wrong: {[p.code for p in outcome.problems]}")
    return outcome.value
