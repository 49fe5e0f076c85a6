"""A child's form, field by field, while it is typed and when it is saved."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from typing import Any

import msgspec

from domain.events import Alert, ChildRegistered, Guardian, Identifier
from domain.identifiers import check_resident_id, half_width, is_birth_certificate, is_child_code
from domain.pinyin import spell
from domain.problems import Problem, block, warn

NEWBORN = timedelta(days=60)  # so long a child may be without a name
NAME_LENGTH = 50
IDENTIFIER_KINDS = ("resident_id", "child_code", "booklet", "birth_certificate", "other")
RELATIONS = ("mother", "father", "grandparent", "other")
ALERT_KINDS = ("allergy", "contraindication", "condition")
HBSAG = ("", "negative", "positive", "unknown")

_PHONE = re.compile(r"1[3-9]\d{9}|0\d{2,3}-?\d{7,8}")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_LATIN = "A-Za-z\u00c0-\u024f\u1e00-\u1eff"  # the last of Vietnamese names
_DOTS = "•・‧∙⋅･．.●"  # marks that input methods give for the middle dot of a name
# A change of the first field makes the others worth another look.
_LOOK_AGAIN = {"birth_on": {"name", "identifiers"}, "sex": {"identifiers"}}


def check_child(form: ChildRegistered, today: date, known_areas: Callable[[str], bool] | None = None) -> list[Problem]:
    """Everything wrong with a form. A problem's `field` is a field's name or "guardians.0.phone".

    `known_areas` says whether a six-digit area exists (GB/T 2260); None leaves areas unchecked.
    """
    birth_on = _day(form.birth_on)
    return [
        *_check_name(form.name, birth_on, today),
        *_check_birth(form, birth_on, today),
        *_check_identifiers(form, birth_on, today, known_areas),
        *_check_guardians(form.guardians),
        *_check_alerts(form.alerts),
    ]


def check_update(
    old: ChildRegistered, changes: dict[str, Any], today: date, known_areas: Callable[[str], bool] | None = None
) -> list[Problem]:
    """What is wrong with new values (field -> value) of a child's record; old troubles elsewhere do not stop it.

    Naming a newborn is no conflict. A field that no child has is our mistake: TypeError.
    """
    looked_at = set(changes).union(*(_LOOK_AGAIN.get(name, ()) for name in changes))
    new = msgspec.structs.replace(old, **changes)
    problems = [p for p in check_child(new, today, known_areas) if p.field.split(".")[0] in looked_at]
    if old.name and not new.name:
        problems = [p for p in problems if p.field != "name"] + [block("child.name_erased", "name")]
    elif old.name and _plain(old.name) != _plain(new.name):
        problems.append(warn("child.name_changed", "name", old=old.name))
    if old.birth_on != new.birth_on:
        problems.append(warn("child.birth_changed", "birth_on", old=old.birth_on))
    return problems


def tidy_name(name: str) -> str:
    """The name as it should be written: half-width letters, one kind of middle dot, no stray blanks."""
    name = unicodedata.normalize("NFC", half_width(name))
    name = re.sub(rf"\s*[{re.escape(_DOTS)}]\s*", "·", name)
    return re.sub(rf"(?<![{_LATIN}])\s+|\s+(?![{_LATIN}])", "", re.sub(r"\s+", " ", name))


def check_name(name: str, field: str = "name") -> list[Problem]:
    """What is wrong with a written name, child's or guardian's.

    Allowed: letters of any script, the middle dot between parts, and in Latin names single blanks, ' and -.
    """
    if len(name) > NAME_LENGTH:
        return [block("name.too_long", field, limit=NAME_LENGTH)]
    if any(mark in name for mark in _DOTS):
        return [block("name.dot", field)]
    if name != name.strip() or re.search(rf"[^\S ]|  |(?<![{_LATIN}]) | (?![{_LATIN}])", name):
        return [block("name.blank", field)]
    wrong = dict.fromkeys(char for char in name if not _is_letter(char) and char not in "· '-")
    if wrong:
        return [block("name.character", field, characters="".join(wrong))]
    if not all(re.split(r"[· '-]", name)):
        return [block("name.mark_alone", field)]
    return [warn("name.short", field)] if len(name) == 1 else []


def _check_name(name: str, birth_on: date | None, today: date) -> Iterator[Problem]:
    if name:
        yield from check_name(name)
    elif birth_on is not None and today - birth_on <= NEWBORN:
        yield warn("child.newborn_without_name", "name")
    else:
        yield block("child.name_missing", "name", days=NEWBORN.days)


def _check_birth(form: ChildRegistered, birth_on: date | None, today: date) -> Iterator[Problem]:
    if form.sex not in ("1", "2"):
        yield warn("child.sex_unclear", "sex") if form.sex in ("0", "9") else block("child.sex_missing", "sex")
    if birth_on is None:
        yield block("child.birth_date", "birth_on")
    elif birth_on > today:
        yield block("child.birth_in_future", "birth_on")
    elif birth_on.year < 1900:
        yield block("child.birth_too_early", "birth_on")
    if form.birth_time and not _TIME.fullmatch(form.birth_time):
        yield block("child.birth_time", "birth_time")
    if form.birth_weight_g and not 300 <= form.birth_weight_g <= 9999:
        yield block("child.birth_weight", "birth_weight_g")
    elif form.birth_weight_g and not 1000 <= form.birth_weight_g <= 6000:
        yield warn("child.birth_weight_unusual", "birth_weight_g", weight=form.birth_weight_g)
    if form.preterm_weeks and not 20 <= form.preterm_weeks <= 42:
        yield block("child.weeks", "preterm_weeks")
    if not 0 <= form.birth_order <= 9:
        yield block("child.birth_order", "birth_order")
    if form.mother_hbsag not in HBSAG:
        yield block("child.mother_hbsag", "mother_hbsag")


def _check_identifiers(
    form: ChildRegistered, birth_on: date | None, today: date, known_areas: Callable[[str], bool] | None
) -> Iterator[Problem]:
    seen = set()
    for at, identifier in enumerate(form.identifiers):
        field, value = f"identifiers.{at}", half_width(identifier.value).upper()
        if (identifier.kind, value) in seen:
            yield block("identifier.twice", field)
        seen.add((identifier.kind, value))
        if identifier.kind not in IDENTIFIER_KINDS:
            yield block("identifier.kind", field)
        elif not re.fullmatch(r"[0-9A-Z][0-9A-Z/-]{0,39}", value):
            yield block("identifier.shape", field)
        elif identifier.kind == "resident_id":
            areas = {value[:6]} if known_areas is None or known_areas(value[:6]) else set[str]()
            for problem in check_resident_id(value, birth_on, form.sex, areas, today):
                yield msgspec.structs.replace(problem, field=field)
        else:
            yield from _check_shape(identifier, value, field, today)


def _check_shape(identifier: Identifier, value: str, field: str, today: date) -> Iterator[Problem]:
    if identifier.kind == "birth_certificate" and not is_birth_certificate(value):
        yield warn("identifier.birth_certificate", field)
    if identifier.kind == "child_code" and not is_child_code(value, today):
        yield warn("identifier.child_code", field)


def _check_guardians(guardians: tuple[Guardian, ...]) -> Iterator[Problem]:
    for at, guardian in enumerate(guardians):
        field = f"guardians.{at}"
        if guardian in guardians[:at]:
            yield block("guardian.twice", field)
        if guardian.relation not in RELATIONS:
            yield block("guardian.relation", f"{field}.relation")
        if guardian.name:
            yield from check_name(guardian.name, f"{field}.name")
        elif not guardian.phone:
            yield block("guardian.empty", field)
        if guardian.phone and not _PHONE.fullmatch(guardian.phone):
            yield warn("guardian.phone", f"{field}.phone")
    if not guardians:
        yield warn("guardian.none", "guardians")
    elif not any(guardian.phone for guardian in guardians):
        yield warn("guardian.no_phone", "guardians")


def _check_alerts(alerts: tuple[Alert, ...]) -> Iterator[Problem]:
    for at, alert in enumerate(alerts):
        if alert.kind not in ALERT_KINDS:
            yield block("alert.kind", f"alerts.{at}")
        if not alert.text.strip():
            yield block("alert.empty", f"alerts.{at}")


def _is_letter(char: str) -> bool:
    """Letters and their marks, 〇, and the ideographs newer than this Python; no full-width Latin, no private use."""
    is_letter = unicodedata.category(char)[0] in "LM" or char == "〇" or 0x20000 <= ord(char) < 0x40000
    return is_letter and not 0xFF00 <= ord(char) < 0xFFF0


def _day(text: str) -> date | None:
    """The day of YYYY-MM-DD and of no other way to write one."""
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None


class Candidate(msgspec.Struct, frozen=True):
    """A child already here, as far as a comparison needs. `phones` and `identifiers` are bare values."""

    id: str
    name: str
    pinyin: str
    sex: str
    birth_on: str
    phones: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()
    birth_order: int = 0


class Likeness(msgspec.Struct, frozen=True):
    """How much two records look like one child: 100 is certain. `reasons` are codes of texts, strongest first."""

    score: int
    reasons: tuple[str, ...]

    @property
    def twin_or_sibling(self) -> bool:
        """Rather another child of the same family: to be shown, not to be stopped for."""
        return TWIN_OR_SIBLING in self.reasons


TWIN_OR_SIBLING = "likeness.twin_or_sibling"
# Points add up to 99 at most; only a number in common is certain. Name and birth date weigh alike, a phone half.
POINTS = {
    "likeness.same_identifier": 100,
    "likeness.same_name": 45,
    "likeness.same_birth": 45,
    "likeness.same_pinyin": 35,
    "likeness.day_and_month_swapped": 30,
    "likeness.same_phone": 25,
    "likeness.other_sex": -10,
    TWIN_OR_SIBLING: 0,
}


def likeness(form: ChildRegistered, candidate: Candidate) -> Likeness:
    """Compare a form with a child already here."""
    reasons = set(_reasons(form, candidate))
    ordered = tuple(reason for reason in POINTS if reason in reasons)
    total = sum(POINTS[reason] for reason in ordered)
    certain = "likeness.same_identifier" in reasons
    return Likeness(100 if certain else max(0, min(99, total)), ordered)


def likely(
    form: ChildRegistered, candidates: Iterable[Candidate], threshold: int = 60
) -> list[tuple[Candidate, Likeness]]:
    """The candidates that look like the form's child by at least `threshold` points, likeliest first."""
    pairs = [(candidate, likeness(form, candidate)) for candidate in candidates]
    return sorted((pair for pair in pairs if pair[1].score >= threshold), key=lambda pair: (-pair[1].score, pair[0].id))


def _reasons(form: ChildRegistered, candidate: Candidate) -> Iterator[str]:
    numbers = {_number(identifier.value) for identifier in form.identifiers} - {""}
    same_number = not numbers.isdisjoint(map(_number, candidate.identifiers))
    both_named = bool(form.name and candidate.name)
    same_name = both_named and _plain(form.name) == _plain(candidate.name)
    same_sound = both_named and spell(form.name).replace(" ", "") == candidate.pinyin.replace(" ", "")
    phones = {_number(guardian.phone) for guardian in form.guardians} - {""}
    same_phone = not phones.isdisjoint(map(_number, candidate.phones))
    if same_number:
        yield "likeness.same_identifier"
    if same_name or same_sound:
        yield "likeness.same_name" if same_name else "likeness.same_pinyin"
    if form.birth_on == candidate.birth_on:
        yield "likeness.same_birth"
    elif _swapped(form.birth_on) == candidate.birth_on:
        yield "likeness.day_and_month_swapped"
    if same_phone:
        yield "likeness.same_phone"
    if {form.sex, candidate.sex} == {"1", "2"}:
        yield "likeness.other_sex"
    other_order = 0 < form.birth_order != candidate.birth_order > 0
    if same_phone and not (same_number or same_name) and (other_order or (both_named and not same_sound)):
        yield TWIN_OR_SIBLING


def _plain(name: str) -> str:
    return re.sub(r"[· '-]", "", tidy_name(name)).casefold()


def _number(text: str) -> str:
    return re.sub(r"[^0-9A-Z]", "", half_width(text).upper())


def _swapped(birth_on: str) -> str:
    return "-".join((birth_on[:4], birth_on[8:10], birth_on[5:7]))
