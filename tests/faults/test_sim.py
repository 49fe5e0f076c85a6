"""The simulation itself: a sound protocol comes out clean, and each fault planted in it is counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from regional import twins, worker
from regional.auth import Asked
from tests.sim import __main__ as program
from tests.sim.play import WRONG, Play, Rates
from tests.sim.region import quick_cluster
from tests.sim.wire import Answer

_CALM = Rates(wire=0.1, restore=0, clone=0, region_copy=0, region_restore=0)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    with quick_cluster(tmp_path_factory.mktemp("postgres")) as running:
        yield running


@contextmanager
def a_round(folder: Path, server: Callable[[str], str], rates: Rates) -> Iterator[Play]:
    one = Play(folder, server, 7, 4, rates, clinics=2)
    try:
        yield one
    finally:
        one.close()


def wrong(figures: Counter[str]) -> dict[str, int]:
    return {name: figures[name] for name in WRONG if figures[name]}


def test_a_small_round_with_every_mishap_comes_out_clean(tmp_path: Path, server: Callable[[str], str]) -> None:
    rates = Rates(restore=0.15, clone=0.08, region_copy=0.1, region_restore=0.08, copy=0.3)
    with a_round(tmp_path, server, rates) as one:
        figures = one.run(600, 8)
    assert not wrong(figures) and program.verdict(figures) == 0, figures
    assert min(figures[name] for name in ("restores", "clones", "region_restores")) > 0


def test_an_acknowledgement_without_the_batch_is_found(tmp_path: Path, server: Callable[[str], str]) -> None:
    with a_round(tmp_path, server, _CALM) as one:
        one.wire.answer = _forgetful(one)
        figures = one.run(300, 8)
    assert figures["unexplained_losses"] > 0 and program.verdict(figures) == 1, figures


def test_a_dose_without_its_row_is_found(
    tmp_path: Path, server: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    written = worker.rows.store

    def forget_one(connection: psycopg.Connection, told: worker.Rows) -> object:
        for key in list(told.doses)[:1]:
            del told.doses[key]
        return written(connection, told)

    monkeypatch.setattr(worker.rows, "store", forget_one)
    with a_round(tmp_path, server, _CALM) as one:
        assert set(wrong(one.run(100, 8))) == {"unexplained_losses"}


def test_a_fact_that_stands_under_two_names_is_found(
    tmp_path: Path, server: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(twins, "pass_over", lambda connection, terminals: set())
    with a_round(tmp_path, server, _CALM) as one, one.wire.in_place_of_https():
        one.tell(one.seats[0], 5)
        one.clone(one.seats[0])  # before it has a place: each copy gets one of its own
        one.heal()
        figures = one.figures()
    assert set(wrong(figures)) == {"doubled"} and figures["doubled"] >= 5, figures


def test_the_program_says_it_in_a_table_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    figures = Counter({"events": 3, "doubled": 1})
    program.show(figures, as_json=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["events", "3"]
    assert json.loads(lines[-1]) == {"events": 3, "doubled": 1}
    assert program.verdict(figures) == 1
    assert program.verdict(Counter({"events": 3})) == 0


def _forgetful(one: Play) -> Callable[[Asked], Answer]:
    """A region that says it has a batch and every third time does not."""
    heard = Counter[str]()

    def answer(asked: Asked) -> Answer:
        status, body = one.region.answer(asked)
        heard[asked.method] += status == 200
        if asked.method == "PUT" and status == 200 and heard["PUT"] % 3 == 0:
            _, _, _, terminal_id, epoch, numbers = asked.path.split("/")
            with psycopg.connect(one.region.dsn) as connection:
                connection.execute(
                    "DELETE FROM batch WHERE terminal_id = %s AND epoch = %s AND first_seq = %s",
                    (terminal_id, epoch, numbers.partition("-")[0]),
                )
        return status, body

    return answer
