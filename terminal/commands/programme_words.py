"""A programme's rules and the engine's reasons in words, and lines that fit the screen."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import date

from domain.schedule.case import Reason
from domain.schedule.forecast import REQUIRED
from domain.schedule.programme import (
    MARKS,
    Age,
    Conflict,
    Contraindication,
    Indication,
    Interval,
    Products,
    Series,
    SeriesDose,
    SkipCondition,
    SkipSet,
)
from terminal.commands.line import Say

WIDTH = 100
_SPAN_TERM = re.compile(r"(\d+) (day|week|month|year)s?")


def wrapped(text: str, indent: int = 0, hang: int = 2, width: int = WIDTH) -> Iterator[str]:
    """The text in lines of at most `width` columns; a Chinese character takes two and may end a line anywhere."""
    line = " " * indent
    used = indent
    for piece in re.findall(r"\s*[!-~]+|\s*[^\s!-~][，。；：、）」]*", text):
        size = columns(piece)
        if used + size > width and used > indent + hang:
            yield line.rstrip()
            piece = piece.lstrip()
            line, used, size = " " * (indent + hang), indent + hang, columns(piece)
        line += piece
        used += size
    yield line.rstrip()


def columns(text: str) -> int:
    """How wide a terminal shows it."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def slug(text: str) -> str:
    """The engine's words as the end of a text's code: "Age: Too Young" is age_too_young."""
    return re.sub("[^a-z]+", "_", text.lower()).strip("_")


def span(text: str, say: Say) -> str:
    """An interval, short: 6周, 6 wk."""
    return _SPAN_TERM.sub(lambda term: say(f"programme.span.{term[2]}", n=term[1]), text)


def age(text: str, say: Say) -> str:
    """An age, short: 6岁, 6 yr."""
    return _SPAN_TERM.sub(lambda term: say(f"programme.age.{term[2]}", n=term[1]), text)


def reason(why: Reason, say: Say) -> str:
    """What the rule says, the two dates it compared, the rule, its mark and source."""
    known, _, codes = why.text.partition(f"{REQUIRED}: ")
    parts = [say("programme.why.needs", codes=codes) if codes else say(f"programme.why.{slug(known)}")]
    if why.looked_at and why.held_against and why.looked_at != why.held_against:
        parts.append(say("programme.why.two_days", day=why.looked_at, against=why.held_against))
    elif day := why.held_against or why.looked_at:
        parts.append(day.isoformat())
    parts.append(f"[{why.rule}]" + (f" {MARKS[why.evidence]}" if why.evidence else ""))
    return " · ".join([*parts, why.source] if why.source else parts)


def of_age(one: Age, say: Say) -> str:
    return _joined(_ages(one.abs_min, one.min, one.earliest_rec, one.latest_rec, one.max, "age", say), one, say)


def of_interval(one: Interval, say: Say) -> str:
    if one.from_dose:
        start = say("programme.rule.after_dose", number=one.from_dose)
    elif one.from_observation or one.from_vaccines:
        start = say("programme.rule.after", what=one.from_observation or ", ".join(one.from_vaccines))
    else:
        start = say("programme.rule.after_previous")
    spans = _ages(one.abs_min, one.min, one.earliest_rec, one.latest_rec, None, "gap", say)
    spans += [say("programme.rule.restarts")] if one.restarts else []
    return _joined([start, *spans], one, say)


def _ages(
    abs_min: str | None, least: str | None, rec: str | None, late: str | None, end: str | None, kind: str, say: Say
) -> list[str]:
    found = []
    short = age if kind == "age" else span
    if abs_min and abs_min == least:
        found.append(say(f"programme.rule.{kind}_least", span=short(abs_min, say)))
    else:
        found += [say(f"programme.rule.{kind}_invalid", span=short(abs_min, say))] if abs_min else []
        found += [say(f"programme.rule.{kind}_from", span=short(least, say))] if least else []
    found += [say(f"programme.rule.{kind}_due", span=short(rec, say))] if rec else []
    found += [say(f"programme.rule.{kind}_late", span=short(late, say))] if late else []
    return found + ([say(f"programme.rule.{kind}_end", span=short(end, say))] if end else [])


def _joined(parts: list[str], one: Age | Interval | SkipSet | Series, say: Say) -> str:
    if one.effective_on or one.ceased_on:
        parts = [*parts, say("programme.rule.in_force", begin=one.effective_on or "…", end=one.ceased_on or "…")]
    return say("programme.rule.comma").join(parts)


def of_products(one: Products, say: Say, code: str) -> str:
    """`code`: of the text: preferable, allowable, named by a contraindication."""
    limits = " ".join(filter(None, (_between(one.begin, one.end, say), one.mvx)))
    return say(code, vaccines=", ".join(sorted(one.vaccines)) + (f" ({limits})" if limits else ""))


def of_skip(one: SkipSet, say: Say) -> str:
    conditions = f" {'&' if one.logic == 'AND' else '|'} ".join(_condition(c, say) for c in one.conditions)
    return _joined([say("programme.rule.skip", text=one.text, conditions=conditions).strip()], one, say)


def _condition(one: SkipCondition, say: Say) -> str:
    ages, vaccines = _between(one.begin_age, one.end_age, say), ", ".join(one.vaccines)
    match one.kind:
        case "age":
            return say("programme.rule.if_age", ages=ages)
        case "interval":
            return say("programme.rule.if_interval", span=span(one.interval or "", say))
        case "completed":
            return say("programme.rule.if_completed", groups=", ".join(one.series_groups))
        case "count":
            dates = f"{one.start_on or ''}…{one.end_on or ''}" if one.start_on or one.end_on else ""
            which = "".join(f"{part} " for part in (vaccines, ages, dates) if part)
            return say("programme.rule.if_count", which=which, compare=one.compare, count=one.count)


def _between(begin: str | None, end: str | None, say: Say) -> str:
    if not begin and not end:
        return ""
    return f"{age(begin, say) if begin else '0'} – {age(end, say) if end else '…'}"


def of_dose(one: SeriesDose, say: Say) -> str:
    """What is to be said of a dose besides its rules."""
    season = (one.season_start_on, one.season_end_on)
    parts = [say("programme.rule.recurring")] if one.recurring else []
    parts += [say("programme.rule.together")] if one.together else []
    parts += [say("programme.rule.season", begin=season[0] or "…", end=season[1] or "…")] if any(season) else []
    return say("programme.rule.comma").join(parts)


def of_series(one: Series, say: Say) -> str:
    parts = [say("programme.rule.doses", doses=len(one.doses))]
    parts += [say("programme.rule.risk")] if one.kind == "Risk" else []
    parts += [say("programme.rule.sexes", sexes=", ".join(one.genders))] if one.genders else []
    born: tuple[date | None, date | None] = (one.born_from, one.born_before)
    parts += [say("programme.rule.born", begin=born[0] or "…", end=born[1] or "…")] if any(born) else []
    parts += [say("programme.rule.start", span=age(one.max_age_to_start, say))] if one.max_age_to_start else []
    return _joined(parts, one, say)


def of_indication(one: Indication, say: Say) -> str:
    ages = _between(one.begin, one.end, say)
    return say("programme.rule.indication", codes=" + ".join((one.observation, *one.also)), ages=ages).strip()


def of_contraindication(one: Contraindication, say: Say) -> str:
    whom = one.observation or say("programme.rule.everyone")
    more = [_between(one.begin, one.end, say)]
    more += [say("programme.rule.unless", codes=", ".join(one.unless))] if one.unless else []
    more += [of_products(products, say, "programme.rule.vaccines") for products in one.vaccines]
    effect = say(f"programme.rule.effect_{one.effect}", whom=whom)
    return say("programme.rule.comma").join([effect, *(part for part in more if part)])


def of_conflict(vaccine: str, one: Conflict, say: Say) -> str:
    return say(
        "programme.rule.conflict",
        vaccine=vaccine,
        previous=", ".join(sorted(one.previous)),
        begin=span(one.begin, say),
        end=span(one.end if one.end == one.min_end else f"{one.min_end} / {one.end}", say),
    )
