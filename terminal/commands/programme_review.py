"""`vaxdesk programme review`: every rule of a programme with its id, mark and source, for the physician who answers."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from config import programmes
from domain.schedule.programme import MARKS, Antigen, Programme, Rule, Series, SeriesDose
from terminal import bootstrap
from terminal.commands import programme_evaluate as evaluate
from terminal.commands import programme_words as words
from terminal.commands.line import DONE, Say
from terminal.commands.opening import opened


@dataclass(frozen=True)
class Row:
    """A rule under its headings: vaccine group or antigen, series, and the dose it is about (0: none)."""

    heading: str
    series: str
    dose: int
    rule: Rule
    text: str


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """Without a name, every programme and how many rules it has; with one, all its rules, or those of a mark."""
    here = _gone_by(settings, say)
    if not args.name:
        shipped = (path.name for path in programmes.DIRECTORY.iterdir() if (path / "programme.json").exists())
        for name in sorted({*shipped, *here}):
            programme = here.get(name) or programmes.load(programmes.DIRECTORY / name)
            print(_title(programme, say))
            print(f"  {_counted(programme, list(rules(programme, say)), say)}")
        return DONE
    programme = here.get(args.name) or evaluate.find(args.name)[0]
    for line in report(programme, args.mark, say):
        print(line)
    return DONE


def _gone_by(settings: Path, say: Say) -> dict[str, Programme]:
    """What this terminal goes by, by name, as the region may have published it; nothing where there are no records."""
    if not settings.exists() or not (home := bootstrap.find_home(settings)).records.exists():
        return {}
    with opened(home, say) as desk:
        plan = desk.plan
    return {one.name: one for one in (*plan.editions, plan.supplement) if one}


def report(programme: Programme, mark: str, say: Say) -> Iterator[str]:
    """The lines of a review, at most 100 columns wide; sources are numbered and listed at the end."""
    rows = list(rules(programme, say))
    sources: dict[str, int] = {}
    heading = series = ""
    yield _title(programme, say)
    yield from words.wrapped(say("programme.review.how"))
    for row in rows:
        own = MARKS[row.rule.evidence or programme.evidence]
        if mark not in ("", own):
            continue
        if row.heading != heading:
            heading, series = row.heading, ""
            yield f"\n■ {heading}"
        if row.series != series:
            series = row.series
            yield from words.wrapped(f"● {series}", 2)
        number = sources.setdefault(row.rule.source or programme.source, len(sources) + 1)
        dose = f"{say('programme.review.dose', number=row.dose)} " if row.dose else ""
        yield from words.wrapped(f"{own:<2} {row.rule.rule or '-'}: {dose}{row.text} [{number}]", 4, 3)
    yield f"\n{say('programme.review.sources')}"
    for source, number in sources.items():
        yield from words.wrapped(f"[{number}] {source}", 2)
    if programme.observations:
        yield f"\n{say('programme.review.observations')}"
    for code, name in programme.observations.items():
        yield from words.wrapped(f"{code}: {name.name_zh} / {name.name_en}", 2)
    yield ""
    yield _counted(programme, rows, say)


def _title(programme: Programme, say: Say) -> str:
    mark = MARKS[programme.evidence]
    return say(
        "programme.review.title", name=programme.name, edition=programme.edition, day=programme.effective_on, mark=mark
    )


def _counted(programme: Programme, rows: list[Row], say: Say) -> str:
    marks = Counter(MARKS[row.rule.evidence or programme.evidence] for row in rows)
    counts = ", ".join(f"{mark} {marks[mark]}" for mark in MARKS.values())
    return say("programme.review.counted", rules=len(rows), counts=counts)


def rules(programme: Programme, say: Say) -> Iterator[Row]:
    """Every rule, by vaccine group, antigen, series and dose, as the engine reads them."""
    groups = sorted(programme.vaccine_groups.items(), key=lambda item: item[1].place)
    for key, group in groups:
        names = " ".join(dict.fromkeys(name for name in (key, group.name_zh, group.name_en) if name))
        for name in group.antigens:
            heading = names if group.antigens == (name,) else f"{names}: {name}"
            yield from _of_antigen(heading, programme.antigens[name], say)
    heading = say("programme.review.conflicts")
    for vaccine, conflicts in programme.conflicts.items():
        for one in conflicts:
            yield Row(heading, "", 0, one, words.of_conflict(vaccine, one, say))


def _of_antigen(heading: str, antigen: Antigen, say: Say) -> Iterator[Row]:
    for one in antigen.contraindications:
        yield Row(heading, "", 0, one, words.of_contraindication(one, say))
    for series in antigen.series:
        yield Row(heading, series.name, 0, series, words.of_series(series, say))
        for indication in series.indications:
            yield Row(heading, series.name, 0, indication, words.of_indication(indication, say))
        for number, dose in enumerate(series.doses, 1):
            for rule, text in _of_dose(series, dose, say):
                yield Row(heading, series.name, number, rule, text)


def _of_dose(series: Series, dose: SeriesDose, say: Say) -> Iterator[tuple[Rule, str]]:
    if text := words.of_dose(dose, say):
        yield series, text
    for age in dose.ages:
        if text := words.of_age(age, say):
            yield age, text
    for interval in dose.intervals:
        yield interval, words.of_interval(interval, say)
    for interval in dose.allowable_intervals:
        yield interval, say("programme.rule.or_else", text=words.of_interval(interval, say))
    for products in dose.preferable:
        yield products, words.of_products(products, say, "programme.rule.vaccines")
    for products in dose.allowable:
        yield products, words.of_products(products, say, "programme.rule.allowable")
    for skip in (skip for one in dose.skips for skip in one.sets):
        yield skip, words.of_skip(skip, say)
