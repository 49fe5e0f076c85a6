"""`vaxdesk programme evaluate`: children from outside judged by a programme, one JSON a line in and out."""

from __future__ import annotations

import argparse
import codecs
import json
import logging
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from config import programmes
from domain.errors import ConfigError
from domain.schedule.case import Case, CaseResult, DoseStatus, Given, GroupForecast, SeriesStatus
from domain.schedule.engine import evaluate_case
from domain.schedule.programme import Programme
from terminal.commands.line import DONE, Say

EARLIEST_ON, LATEST_ON = date(1850, 1, 1), date(2200, 1, 1)
_PLACE = re.compile(r" - at `(\$[\w.\[\]]*)`$")
_log = logging.getLogger(__name__)


class Dose(msgspec.Struct):
    """A dose given, once for each vaccine group it counts in. All but `date` and `cvx` null: no rule is about it."""

    date: date
    cvx: str
    vaccine_group: str | None
    status: DoseStatus | None
    reason: str | None


class Group(msgspec.Struct):
    """What comes next in one vaccine group; null where nothing does."""

    vaccine_group: str
    series_status: SeriesStatus
    forecast_dose: int | None
    earliest_date: date | None
    recommended_date: date | None
    past_due_date: date | None
    latest_date: date | None


class Answer(msgspec.Struct):
    """One line out."""

    id: str
    doses: list[Dose]
    groups: list[Group]


class BadLineError(Exception):
    """A line that is no case; `code` and `params` say why, without anything of the line's content."""

    def __init__(self, code: str, **params: str) -> None:
        super().__init__(code)
        self.code, self.params = code, params


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """Bad lines are answered in their place and counted at the end; they do not change the exit code."""
    edition, earlier = find(args.programme)
    vaccines = _vaccines(edition)
    cases = bad = 0
    with ExitStack() as files:
        lines, out = _open(files, args.input, args.output)
        encoder = msgspec.json.Encoder()
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            cases += 1
            try:
                answer: Answer | dict[str, Any] = _answered(read_case(line), edition, earlier, vaccines)
            except BadLineError as fault:
                bad += 1
                answer = {"line": number, "error": say(fault.code, **fault.params)}
            out.write(encoder.encode(answer) + b"\n")
    print(say("programme.evaluated", cases=cases, bad=bad), file=sys.stderr)
    return DONE


def find(name: str) -> tuple[Programme, tuple[Programme, ...]]:
    """The shipped programme of this name, and the editions of the same programme before it. Raises ConfigError."""
    known = sorted(path.name for path in programmes.DIRECTORY.iterdir() if (path / "programme.json").exists())
    if name not in known:
        raise ConfigError("programme.unknown", name=name, known=", ".join(known))
    edition = programmes.load(programmes.DIRECTORY / name)
    stem = name.removesuffix(edition.edition)
    others = (programmes.load(programmes.DIRECTORY / one) for one in known if one.startswith(stem) and one != name)
    earlier = (one for one in others if one.effective_on < edition.effective_on) if stem != name else ()
    return edition, tuple(sorted(earlier, key=lambda one: one.effective_on))


def _open(files: ExitStack, source: str, target: str) -> tuple[Iterable[bytes], BinaryIO]:
    """`-` is standard input or output. The output is opened last, so that a missing input leaves it as it was."""
    lines = sys.stdin.buffer if source == "-" else files.enter_context(Path(source).open("rb"))  # noqa: SIM115 (`files` closes it)
    if target == "-":
        return _without_mark(lines), sys.stdout.buffer
    if source != "-" and Path(target).exists() and Path(target).samefile(source):
        raise ConfigError("programme.same_file", path=target)
    return _without_mark(lines), files.enter_context(Path(target).open("wb"))


def _without_mark(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The lines, the first without the byte order mark that some programs write."""
    for number, line in enumerate(lines):
        yield line.removeprefix(codecs.BOM_UTF8) if number == 0 else line


def read_case(line: bytes) -> Case:
    """A case; a null field is an absent one. Raises BadLineError."""
    try:
        raw = json.loads(line.decode("utf-8"), object_pairs_hook=_fields)
    except UnicodeDecodeError as fault:
        raise BadLineError("programme.line.not_utf8") from fault
    except (ValueError, RecursionError) as fault:
        raise BadLineError("programme.line.not_json") from fault
    try:
        case = msgspec.convert(raw, Case)
    except msgspec.ValidationError as fault:
        place = _PLACE.search(str(fault))
        unknown = "unknown field" in str(fault)
        what = "unknown field" if unknown else _PLACE.sub("", str(fault))
        raise BadLineError("programme.line.wrong_form", place=place[1] if place else "$", detail=what) from fault
    _check_dates(case)
    return case


def _fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise BadLineError("programme.line.field_twice")
    return {key: value for key, value in fields.items() if value is not None}


def _check_dates(case: Case) -> None:
    days = [case.birth_on, case.assessed_on, *(dose.given_on for dose in case.doses)]
    days += [seen.observed_on for seen in case.observations if seen.observed_on]
    if not all(EARLIEST_ON <= day < LATEST_ON for day in days):
        raise BadLineError("programme.line.no_such_time")
    if any(day < case.birth_on for day in (case.assessed_on, *(dose.given_on for dose in case.doses))):
        raise BadLineError("programme.line.before_birth")


def _vaccines(edition: Programme) -> dict[str, str]:
    """Four-digit clinic code -> the programme's vaccine."""
    return {code: key for key, vaccine in edition.vaccines.items() for code in vaccine.codes}


def _answered(case: Case, edition: Programme, earlier: tuple[Programme, ...], vaccines: dict[str, str]) -> Answer:
    """The case evaluated; every dose stands there as it came, also one without a verdict."""
    given = tuple(
        msgspec.structs.replace(dose, ref=str(place), vaccine=vaccines.get(dose.vaccine, dose.vaccine))
        for place, dose in enumerate(case.doses)
    )
    try:
        result = evaluate_case(edition, msgspec.structs.replace(case, doses=given), earlier)
    except Exception as fault:  # a strange line of the file must not end the other lines
        _log.error("a case could not be evaluated: %s", type(fault).__name__)
        raise BadLineError("programme.line.not_evaluated", detail=type(fault).__name__) from fault
    return Answer(case.id, list(_doses(case.doses, result)), [_group(one) for one in result.groups])


def _doses(given: tuple[Given, ...], result: CaseResult) -> Iterator[Dose]:
    verdicts: dict[int, list[Dose]] = {}
    for v in result.doses:
        code = given[int(v.ref)].code
        verdicts.setdefault(int(v.ref), []).append(Dose(v.given_on, code, v.vaccine_group, v.status, v.reason))
    for place in sorted(range(len(given)), key=lambda n: given[n].given_on):
        yield from verdicts.get(place, [Dose(given[place].given_on, given[place].code, None, None, None)])


def _group(one: GroupForecast) -> Group:
    return Group(
        one.vaccine_group,
        one.series_status,
        one.forecast_dose,
        one.earliest_on,
        one.recommended_on,
        one.past_due_on,
        one.latest_on,
    )
