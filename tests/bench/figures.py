"""What was measured, and how it stands to its floor and its target."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Target:
    """The figure called `of` must be at most (or at least) `limit`, in the row's unit; "ratio" has none."""

    of: Literal["p50", "p99", "ratio"]
    limit: float
    at_least: bool = False

    def words(self, unit: str) -> str:
        sign = ">=" if self.at_least else "<="
        return f"{self.of} {sign} {self.limit:g}" + ("x" if self.of == "ratio" else f" {unit}")


@dataclass(frozen=True)
class Figure:
    """One row of the table. `unit` is of p50, p99 and floor; where more is better (batches/s) the ratio is turned over,
    so that a ratio of 2 always means twice as dear as the floor."""

    job: str
    size: str
    unit: str
    p50: float
    p99: float | None = None
    floor: float | None = None
    targets: tuple[Target, ...] = ()
    n: int = 1
    note: str = ""

    @property
    def more_is_better(self) -> bool:
        return self.unit.endswith("/s")

    @property
    def ratio(self) -> float | None:
        """How many times the floor; None without a floor."""
        if not self.floor or not self.p50:
            return None
        return self.floor / self.p50 if self.more_is_better else self.p50 / self.floor

    @property
    def met(self) -> bool | None:
        """Whether every target is met; None when there is none to meet."""
        if not self.targets:
            return None
        return all(self._meets(target) for target in self.targets)

    def _meets(self, target: Target) -> bool:
        value = getattr(self, target.of)
        if value is None:
            return False
        return bool(value >= target.limit if target.at_least else value <= target.limit)

    def as_json(self) -> dict[str, Any]:
        row = asdict(self)
        row["targets"] = [target.words(self.unit) for target in self.targets]
        return row | {"ratio": self.ratio, "met": self.met}


def percentile(times: Sequence[float], share: float) -> float:
    """The smallest time that `share` of all times do not exceed."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def took_ms(work: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> float:
    return timed(work, *args, **kwargs)[0]


def timed(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> tuple[float, T]:
    """Milliseconds, and what came of it."""
    began = time.perf_counter()
    result = work(*args, **kwargs)
    return (time.perf_counter() - began) * 1000, result


def of_times(
    job: str, size: str, times_ms: Sequence[float], floor_ms: Sequence[float], *targets: Target, note: str = ""
) -> Figure:
    """A row from many times of the same job and of its floor."""
    floor = percentile(floor_ms, 0.5) if floor_ms else None
    p50, p99 = percentile(times_ms, 0.5), percentile(times_ms, 0.99)
    return Figure(job, size, "ms", p50, p99, floor, targets, len(times_ms), note)


_HEADS = ("job", "size", "n", "p50", "p99", "floor", "ratio", "target", "met", "note")


def table(figures: Sequence[Figure]) -> str:
    """The rows as text, columns aligned."""
    lines = [_HEADS, *(_line(figure) for figure in figures)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADS))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def _line(f: Figure) -> tuple[str, ...]:
    met = {True: "yes", False: "NO", None: "-"}[f.met]
    targets = ", ".join(target.words(f.unit) for target in f.targets) or "-"
    ratio = f"{f.ratio:.1f}x" if f.ratio else "-"
    return (
        f.job, f.size, str(f.n), _value(f.p50, f.unit), _value(f.p99, f.unit), _value(f.floor, f.unit), ratio, targets,
        met, f.note,
    )  # fmt: skip


def _value(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f} {unit}"
