"""The schedule in words: why a dose was judged so, what comes next, with rule, dates, source and evidence."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from domain.schedule.case import Reason
from domain.schedule.evaluate import (
    ALREADY_COMPLETE,
    CONFLICT,
    DOUBTED,
    GRACE,
    INADVERTENT,
    SUBSTANDARD,
    TOO_OLD,
    TOO_SOON,
    TOO_YOUNG,
    WRONG_VACCINE,
)
from domain.schedule.page import Mark, Next, comes_on
from domain.schedule.programme import MARKS
from terminal.ui.words import Words

ON_TIME_DAYS = 7  # so long "due today" is said of a dose
WHY = {
    TOO_YOUNG: "ui.why.too_young",
    TOO_OLD: "ui.why.too_old",
    TOO_SOON: "ui.why.too_soon",
    INADVERTENT: "ui.why.wrong_vaccine",
    CONFLICT: "ui.why.conflict",
    WRONG_VACCINE: "ui.why.wrong_vaccine",
    ALREADY_COMPLETE: "ui.why.complete",
    SUBSTANDARD: "ui.why.substandard",
    GRACE: "ui.why.grace",
    DOUBTED: "ui.why.doubted",
}


def group_name(words: Words, line: Next) -> str:
    """What the booklet calls the line, with its short name where that is another."""
    name = line.name_zh if words.language == "zh_CN" else line.name_en
    return name or line.group


def dose_place(words: Words, line: Next) -> str:
    """ "dose 3 of 5"; without the end where the series has none."""
    if line.doses:
        return words("ui.due.dose_of", number=line.number, doses=line.doses)
    return words("ui.history.dose", number=line.number)


def due_words(words: Words, line: Next, today: date) -> str:
    """今日应种, 应种 or 逾期."""
    if line.standing == "overdue":
        return words("ui.due.overdue")
    return words("ui.due.today" if _just(line, today) else "ui.due.due")


def _just(line: Next, today: date) -> bool:
    """Due since a few days at most: the family comes on time."""
    return line.recommended_on is not None and (today - line.recommended_on).days <= ON_TIME_DAYS


def since_words(words: Words, line: Next, today: date) -> str:
    """For how long it is due or overdue; "" on the first days."""
    if line.standing == "overdue" and line.past_due_on:
        return words("ui.due.overdue_days", days=(today - line.past_due_on).days)
    if line.recommended_on is None or _just(line, today):
        return ""
    return words("ui.due.due_days", days=(today - line.recommended_on).days)


def reason_words(words: Words, reason: Reason) -> str:
    """One reason with all a reviewer needs."""
    said = words(WHY[reason.text]) if reason.text in WHY else reason.text
    days = " / ".join(str(day) for day in (reason.looked_at, reason.held_against) if day)
    mark = f"[{MARKS[reason.evidence]} {words(f'ui.evidence.{reason.evidence}')}]" if reason.evidence else ""
    return " · ".join(filter(None, [said, days, reason.rule, reason.source, mark]))


def mark_words(words: Words, mark: Mark) -> list[str]:
    """How a dose was judged, then each reason."""
    return [words(f"ui.mark.{mark.kind}"), *(reason_words(words, reason) for reason in mark.why)]


def next_words(words: Words, line: Next) -> list[str]:
    """The days of the next dose, then each reason."""
    days = (
        ("ui.next.earliest", line.earliest_on),
        ("ui.next.recommended", line.recommended_on),
        ("ui.next.past_due", line.past_due_on),
        ("ui.next.latest", line.latest_on),
    )
    told = [words(code, day=day.isoformat()) for code, day in days if day]
    return [*told, *(reason_words(words, reason) for reason in line.why)]


def visit_words(words: Words, lines: Iterable[Next], day: date, today: date) -> str:
    """The next visit: its day, and what is to be given then."""
    names = [group_name(words, n) for n in lines if comes_on(n, today) == day]
    return words("ui.next.visit", day=day.isoformat(), vaccines=words("ui.and").join(dict.fromkeys(names)))
