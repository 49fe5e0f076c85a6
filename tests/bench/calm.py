"""Row of the window's calm: how long the main thread ever stalls in a day with printing and upload going on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from printing.simulator import SimulatedPrinter
from regional.serve import EmbeddedRegion
from terminal import bootstrap
from tests.bench.bench import SETTINGS, Bench, new_world
from tests.bench.figures import Figure, Target, of_times
from tests.bench.window import NOW, home, run

CHILDREN = 300
_LINES = """
[[printers]]
name = "slip"
kind = "tcp"
address = "{printer}"

[region]
url = "{url}"
ca_file = "{ca_file}"
"""


def calm(bench: Bench) -> Iterator[Figure]:
    """A scripted day of 300 doses at the real window: slips print, all records of the clinic go up meanwhile, every
    page is opened, the desk locked. A stall is what this process computed while the main thread did not come round, or
    the clock's time where that is less: other programs on a busy machine are not the window's."""
    size = bench.sizes[0]
    with (
        home(bench, size, CHILDREN) as settings,
        SimulatedPrinter() as printer,
        EmbeddedRegion(bench.folder / "region", dsn=bench.new_dsn(), quiet=True) as region,
    ):
        lines = _LINES.format(printer=printer.address, url=region.url, ca_file=region.ca_file)
        _enrol(Path(settings), lines, region)
        found = run(bench, "tests.bench.day_child", settings, NOW)[1]
        assert len(printer.slips) >= found["children"] // 2, "nothing printed"
    yield _longest(size, found)
    for step, times in found["took"].items():
        stall = max([_stall(*clocks) for name, *clocks in found["late"] if name == step], default=(0.0, 0.0, 0.0))
        note = f"longest stall {stall[0]:.0f} ms, {stall[1]:.0f} of the main thread"
        yield of_times(f"day: {step}", size, times, (), note=note if stall[0] else "")


def _longest(size: str, found: dict[str, Any]) -> Figure:
    stalls = sorted(((*_stall(*clocks), step) for step, *clocks in found["late"]), reverse=True)
    longest, own, wall, step = stalls[0] if stalls else (0.1, 0.1, 0.1, "none")
    over = sum(stall > 50 for stall, *_ in stalls)
    told = f"{step}: {own:.0f} ms of the main thread, {wall:.0f} by the clock; {over} over 50 ms"
    note = f"{told}; {found['children']} doses, {found['uploaded']} batches went up"
    return Figure("longest stall of the window", size, "ms", longest, None, None, (Target("p50", 100),), note=note)


def _stall(wall: float, process: float, thread: float) -> tuple[float, float, float]:
    """How long the window stood still for its own program's sake, what the main thread computed of it, the clock."""
    return min(wall, process), thread, wall


def _enrol(settings: Path, lines: str, region: EmbeddedRegion) -> None:
    with settings.open("a", encoding="utf-8") as file:
        file.write(lines)
    here = bootstrap.find_home(settings)
    desk = bootstrap.open_desk(here, world=new_world("enrol"))
    with closing(desk.store):
        code = region.new_code(clinic=SETTINGS.clinic.code, name=SETTINGS.clinic.name)
        bootstrap.enrol_terminal(here, desk, code)
