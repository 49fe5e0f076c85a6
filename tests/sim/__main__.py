"""`python -m tests.sim`: simulate, print the table; `make sim ARGS="--events 200000 --json"`. Exit code 1 when anything
was lost without a reason, doubled, or could not be mended."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from tests.sim.play import WRONG, a_round

_ROUND = 20_000  # events; a round begins with an empty region


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="the figures once more, as the last line")
    said = parser.parse_args(arguments)
    began = time.monotonic()
    figures: Counter[str] = Counter()
    rounds = -(-said.events // _ROUND)
    work = [(said.seed + number, min(_ROUND, said.events - number * _ROUND)) for number in range(rounds)]
    with ProcessPoolExecutor(min(said.processes, rounds), multiprocessing.get_context("spawn")) as pool:
        for one in pool.map(a_round, *zip(*work, strict=True)):
            figures.update(one)
            print(f"{figures['events']:>8} events", file=sys.stderr)
    figures["rounds"], figures["seconds"] = rounds, round(time.monotonic() - began)
    show(figures, as_json=said.json)
    return verdict(figures)


def show(figures: Counter[str], *, as_json: bool) -> None:
    for name, value in figures.items():
        print(f"{name.replace('_', ' '):<34}{value:>12,}")
    if as_json:
        print(json.dumps(figures))


def verdict(figures: Counter[str]) -> int:
    """The exit code: 1 when anything is there that must not be."""
    return int(any(figures[name] for name in WRONG))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
