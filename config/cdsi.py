"""CDC's supporting data for CDSi (XML) made into a programme of ours.

The data: a schedule file and a file for each antigen, as published with the Logic Specification 4.6. Texts for the
clinician and dose volumes are left behind; everything the engine reads is kept.
"""

from __future__ import annotations

import io
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any, Literal, cast
from xml.etree import ElementTree as Xml

from domain.schedule import programme as p

GROUP_CODES = {
    "DTaP/Tdap/Td": "DTAP",
    "Polio": "POL",
    "Hib": "HIB",
    "Pneumococcal": "PCV",
    "Rotavirus": "ROTA",
    "Varicella": "VAR",
    "Meningococcal": "MCV",
    "Meningococcal B": "MENB",
    "Influenza": "FLU",
    "Zoster": "ZOSTER",
}
"""Vaccine groups of the schedule that CDC's test cases spell otherwise."""

_KINDS: dict[str, Literal["age", "interval", "completed", "count"]] = {
    "age": "age",
    "interval": "interval",
    "completed series": "completed",
    "vaccine count by age": "count",
    "vaccine count by date": "count",
    "vaccine count by date and age": "count",
}
_LAST = 99
"""The preference of a series without one: after all others."""
_COMPARE: dict[str, Literal[">", "=", "<"]] = {"greater than": ">", "equal to": "=", "less than": "<"}


def from_zip(data: bytes, edition: str, effective_on: date, source: str) -> p.Programme:
    """The programme in the published zip. Raises ValueError or KeyError where the XML is not the supporting data."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name.rsplit("/", 1)[-1]: archive.read(name) for name in archive.namelist() if name.endswith(".xml")}
    return from_xml(files, edition, effective_on, source)


def from_xml(files: dict[str, bytes], edition: str, effective_on: date, source: str) -> p.Programme:
    """The programme in the XML files, by file name."""
    schedule = Xml.fromstring(files["ScheduleSupportingData.xml"])
    antigens = {}
    for name, content in sorted(files.items()):
        if name.startswith("AntigenSupportingData"):
            root = Xml.fromstring(content)
            antigens[_text(root, "series/targetDisease")] = _antigen(root)
    vaccines = {_text(v, "cvx"): _vaccine(v) for v in schedule.iter("cvxMap")}
    conflicts = _conflicts(schedule)
    spoiling = {vaccine for found in conflicts.values() for one in found for vaccine in one.previous}
    return p.Programme(
        name="us-cdsi",
        edition=edition,
        effective_on=effective_on,
        source=source,
        evidence="official",
        unreal_date="next_month",
        vaccine_groups=_vaccine_groups(schedule),
        vaccines=vaccines,
        conflicts=conflicts,
        antigens=antigens,
        outside=frozenset((spoiling | conflicts.keys()) - vaccines.keys()),
    )


def _text(node: Xml.Element, path: str) -> str:
    found = node.findtext(path) or ""
    return "" if found.strip() == "n/a" else found.strip()


def _span(node: Xml.Element, path: str) -> str | None:
    return _text(node, path) or None


def _day(node: Xml.Element, path: str) -> date | None:
    text = _text(node, path)
    return datetime.strptime(text, "%Y%m%d").date() if text else None


def _codes(text: str) -> tuple[str, ...]:
    return tuple(sorted({code.strip() for code in text.split(";") if code.strip()}))


def _filled(node: Xml.Element, path: str) -> Iterator[Xml.Element]:
    """The elements that have content: the data writes an empty element for "none"."""
    return (found for found in node.findall(path) if len(found))


def _vaccine_groups(schedule: Xml.Element) -> dict[str, p.VaccineGroup]:
    full = {_text(g, "name"): _text(g, "administerFullVaccineGroup") == "Yes" for g in schedule.iter("vaccineGroup")}
    return {
        name: p.VaccineGroup(
            code=GROUP_CODES.get(name, name),
            antigens=tuple(antigen.text.strip() for antigen in group.findall("antigen") if antigen.text),
            full=full[name],
        )
        for group in schedule.iter("vaccineGroupMap")
        for name in [_text(group, "name")]
    }


def _vaccine(node: Xml.Element) -> p.Vaccine:
    return p.Vaccine(
        name=_text(node, "shortDescription"),
        antigens=tuple(
            p.Association(
                antigen=_text(a, "antigen"), begin=_span(a, "associationBeginAge"), end=_span(a, "associationEndAge")
            )
            for a in node.findall("association")
        ),
    )


def _conflicts(schedule: Xml.Element) -> dict[str, tuple[p.Conflict, ...]]:
    previous: dict[str, dict[tuple[str, str, str], set[str]]] = defaultdict(lambda: defaultdict(set))
    for node in schedule.iter("liveVirusConflict"):
        spans = (
            _text(node, "conflictBeginInterval"),
            _text(node, "minConflictEndInterval"),
            _text(node, "conflictEndInterval"),
        )
        previous[_text(node, "current/cvx")][spans].add(_text(node, "previous/cvx"))
    return {
        current: tuple(
            p.Conflict(previous=frozenset(vaccines), begin=begin, min_end=min_end, end=end)
            for (begin, min_end, end), vaccines in sorted(by_spans.items())
        )
        for current, by_spans in previous.items()
    }


def _antigen(root: Xml.Element) -> p.Antigen:
    return p.Antigen(
        series=tuple(_series(node) for node in root.findall("series")),
        contraindications=tuple(
            _contraindication(node) for node in root.findall("contraindications/*/contraindication")
        ),
        immune_by_history=tuple(_text(c, "guidelineCode") for c in root.findall("immunity/clinicalHistory")),
        immune_by_birth=tuple(
            p.BirthImmunity(
                before=datetime.strptime(_text(b, "immunityBirthDate"), "%m/%d/%Y").date(),
                country=_text(b, "birthCountry"),
                exclusions=tuple(_text(x, "exclusionCode") for x in b.findall("exclusion")),
            )
            for b in _filled(root, "immunity/dateOfBirth")
        ),
    )


def _contraindication(node: Xml.Element) -> p.Contraindication:
    return p.Contraindication(
        observation=_text(node, "observationCode"),
        begin=_span(node, "beginAge"),
        end=_span(node, "endAge"),
        vaccines=_products(node.findall("contraindicatedVaccine")),
    )


def _series(node: Xml.Element) -> p.Series:
    genders = [_text(g, ".") for g in node.findall("requiredGender")]
    return p.Series(
        name=_text(node, "seriesName"),
        vaccine_group=_text(node, "vaccineGroup"),
        kind=cast(p.SeriesKind, _text(node, "seriesType")),
        group=_text(node, "selectSeries/seriesGroup"),
        equivalent_groups=_codes(_text(node, "equivalentSeriesGroups")),
        priority=_text(node, "selectSeries/seriesPriority") or "A",
        preference=int(_text(node, "selectSeries/seriesPreference") or _LAST),
        default=_text(node, "selectSeries/defaultSeries") == "Yes",
        product=_text(node, "selectSeries/productPath") == "Yes",
        max_age_to_start=_span(node, "selectSeries/maxAgeToStart"),
        genders=cast(Any, tuple(gender for gender in genders if gender)),
        indications=tuple(
            p.Indication(
                observation=_text(i, "observationCode/code"), begin=_span(i, "beginAge"), end=_span(i, "endAge")
            )
            for i in _filled(node, "indication")
        ),
        doses=tuple(_dose(dose) for dose in node.findall("seriesDose")),
    )


def _dose(node: Xml.Element) -> p.SeriesDose:
    return p.SeriesDose(
        ages=tuple(_age(age) for age in _filled(node, "age")),
        intervals=tuple(_interval(i) for i in _filled(node, "interval")),
        allowable_intervals=tuple(_interval(i) for i in _filled(node, "allowableInterval")),
        preferable=_products(_filled(node, "preferableVaccine")),
        allowable=_products(_filled(node, "allowableVaccine")),
        inadvertent=tuple(_text(v, "cvx") for v in _filled(node, "inadvertentVaccine")),
        skips=tuple(_skip(skip) for skip in _filled(node, "conditionalSkip")),
        recurring=_text(node, "recurringDose") == "Yes",
        season_start_on=_day(node, "seasonalRecommendation/startDate"),
        season_end_on=_day(node, "seasonalRecommendation/endDate"),
    )


def _age(node: Xml.Element) -> p.Age:
    return p.Age(
        abs_min=_span(node, "absMinAge"),
        min=_span(node, "minAge"),
        earliest_rec=_span(node, "earliestRecAge"),
        latest_rec=_span(node, "latestRecAge"),
        max=_span(node, "maxAge"),
        effective_on=_day(node, "effectiveDate"),
        ceased_on=_day(node, "cessationDate"),
    )


def _interval(node: Xml.Element) -> p.Interval:
    from_dose = _text(node, "fromTargetDose")
    return p.Interval(
        from_previous=_text(node, "fromPrevious") == "Y",
        from_dose=int(from_dose) if from_dose else None,
        from_vaccines=_codes(_text(node, "fromMostRecent")),
        from_observation=_text(node, "fromRelevantObs/code") or None,
        abs_min=_span(node, "absMinInt"),
        min=_span(node, "minInt"),
        earliest_rec=_span(node, "earliestRecInt"),
        latest_rec=_span(node, "latestRecInt"),
        overrides=_text(node, "intervalPriority") == "override",
        restarts=bool(_text(node, "fromRelevantObs/code")),
        effective_on=_day(node, "effectiveDate"),
        ceased_on=_day(node, "cessationDate"),
    )


def _products(nodes: Iterable[Xml.Element]) -> tuple[p.Products, ...]:
    """Vaccines with the same ages and manufacturer together; the manufacturer counts where a trade name is required."""
    together: dict[tuple[str | None, str | None, str, bool], set[str]] = defaultdict(set)
    for node in nodes:
        mvx = _text(node, "mvx") if _text(node, "tradeName") else ""
        flagged = _text(node, "forecastVaccineType") == "Y"
        together[_span(node, "beginAge"), _span(node, "endAge"), mvx, flagged].add(_text(node, "cvx"))
    return tuple(
        p.Products(vaccines=frozenset(vaccines), begin=begin, end=end, mvx=mvx, recommended=flagged)
        for (begin, end, mvx, flagged), vaccines in together.items()
    )


def _skip(node: Xml.Element) -> p.Skip:
    return p.Skip(
        context=cast(p.Context, _text(node, "context")),
        logic=cast(p.Logic, _text(node, "setLogic") or "OR"),
        sets=tuple(
            p.SkipSet(
                text=_text(found, "setDescription"),
                logic=cast(p.Logic, _text(found, "conditionLogic") or "AND"),
                effective_on=_day(found, "effectiveDate"),
                ceased_on=_day(found, "cessationDate"),
                conditions=tuple(_condition(c) for c in found.findall("condition")),
            )
            for found in node.findall("set")
        ),
    )


def _condition(node: Xml.Element) -> p.SkipCondition:
    return p.SkipCondition(
        kind=_KINDS[_text(node, "conditionType").lower()],
        begin_age=_span(node, "beginAge"),
        end_age=_span(node, "endAge"),
        start_on=_day(node, "startDate"),
        end_on=_day(node, "endDate"),
        interval=_span(node, "interval"),
        count=int(_text(node, "doseCount") or 0),
        compare=_COMPARE.get(_text(node, "doseCountLogic").lower(), ">"),
        valid_only=_text(node, "doseType").lower() == "valid",
        vaccines=_codes(_text(node, "vaccineTypes")),
        series_groups=_codes(_text(node, "seriesGroups")),
    )
