"""The plan a clinic goes by, of the programmes its settings name: those that ship and those the region published.

A published programme is a document (config/programmes.py), in force from its day: it takes the place of the one of its
name, or comes beside the others. One that cannot be used changes nothing and is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from itertools import groupby
from pathlib import Path

import msgspec

from config import programmes, settings
from config.published import Document, Refused, newest
from domain.errors import ConfigError
from domain.schedule.case import Case
from domain.schedule.plan import Plan
from domain.schedule.programme import Programme

NATIONAL = "cn-nip-"
"""How the name of an edition of the national programme begins."""


@dataclass(frozen=True)
class Plans:
    """The plan and, by programme name, the digest of the data each part was read from; the documents in force that
    cannot be used."""

    plan: Plan
    digests: Mapping[str, str]
    refused: tuple[Refused, ...] = ()

    def stamp(self, day: date) -> str:
        """Changes when forecasts must be made anew: with the data, the edition in force, and each month, for who is too
        old for a dose depends on the day."""
        data = sha256("".join(f"{name}{digest}" for name, digest in sorted(self.digests.items())).encode()).hexdigest()
        return f"{data[:16]} {self.plan.programme(day).name} {day:%Y-%m}"


def load(
    named: settings.Programme,
    directory: Path = programmes.DIRECTORY,
    documents: Sequence[Document] = (),
    day: date = date.max,
) -> Plans:
    """Read what the settings name, and of it what was published and is in force on `day`; of documents to come, the
    first of a new edition, for a physician to look at. `documents` by name, then as they come into force.

    Raises ConfigError naming the file and what is wrong in it; never because of a document.
    """
    documents = [one for one in documents if is_programme(one.name, named)]
    published = {one.name for one in documents}
    editions = named.editions or tuple(path.name for path in sorted(directory.glob(f"{NATIONAL}*")))
    editions = tuple(name for name in editions if (directory / name).is_dir() or name not in published)
    supplement = named.supplement if (directory / named.supplement).is_dir() else ""
    names = (*editions, supplement) if supplement else editions
    loaded = {name: programmes.load(directory / name) for name in names}
    if not editions:
        raise ConfigError("config.no_file", path=str(directory))
    by_age = sorted((loaded[name] for name in editions), key=lambda programme: programme.effective_on)
    plan = Plan(tuple(by_age), loaded.get(supplement))
    plans = Plans(plan, {loaded[name].name: digest(directory / name) for name in names})
    for _, of_name in groupby(documents, lambda one: one.name):
        plans = _newest(plans, tuple(of_name), day, named)
    return plans


def is_programme(name: str, named: settings.Programme) -> bool:
    """Whether a document of this name would be a part of the plan."""
    return name == named.supplement or (name in named.editions if named.editions else name.startswith(NATIONAL))


def check(name: str, content: bytes, effective_on: date) -> None:
    """Whether a document would be used by terminals that go by what ships. Raises ConfigError saying why not."""
    named = settings.Programme()
    begins = programmes.read(name, content).effective_on
    if effective_on < begins:
        raise ConfigError("config.bad_setting", path=name, detail=f"{effective_on} < effective_on {begins}")
    document = Document(name, sha256(content).hexdigest(), effective_on, content)
    for refused in load(named, documents=(document,), day=effective_on).refused:
        raise ConfigError("config.bad_setting", path=name, detail=refused.detail)


def _newest(plans: Plans, documents: Sequence[Document], day: date, named: settings.Programme) -> Plans:
    """With the newest of a name in force that can be used; an edition nobody has yet is there before its day."""
    found, refused = newest(documents, day, lambda document: _with(plans, document, named))
    first = documents[0]
    if found is None and first.effective_on > day and first.name not in {*plans.digests, named.supplement}:
        with suppress(ConfigError):  # told on its day: another may be published until then
            found = _with(plans, first, named, first.effective_on)
    return replace(found or plans, refused=plans.refused + refused)


def _with(plans: Plans, document: Document, named: settings.Programme, begins: date | None = None) -> Plans:
    """The plans with a document in place of what has its name; `begins`: not before that day. Raises ConfigError."""
    programme = programmes.read(document.name, document.content)
    if begins:
        programme = msgspec.structs.replace(programme, effective_on=max(begins, programme.effective_on))
    try:
        plan = _joined(plans.plan, programme, programme.name == named.supplement)
        for case in _trials(programme.effective_on):
            plan.evaluate(case)
    except Exception as fault:  # whatever wrong data make of the rules: they must not stop a clinic
        raise ConfigError(
            "config.bad_setting", path=document.name, detail=f"{type(fault).__name__}: {fault}"
        ) from fault
    return replace(plans, plan=plan, digests={**plans.digests, document.name: document.version})


def _joined(plan: Plan, programme: Programme, supplement: bool) -> Plan:
    if supplement:
        return Plan(plan.editions, programme)
    others = (one for one in plan.editions if one.name != programme.name)
    return Plan(tuple(sorted((*others, programme), key=lambda one: one.effective_on)), plan.supplement)


def _trials(day: date) -> Iterator[Case]:
    """Children nobody gave anything, of some ages on that day: a programme is tried before it is used."""
    for age in (0, 1, 6, 14):
        for sex in "FM":
            yield Case("", day.replace(year=day.year - age, day=1), sex, day)


def digest(directory: Path) -> str:
    """SHA-256 of the files that a programme is read from, with their names."""
    total = sha256()
    for path in sorted((directory / "programme.json", *(directory / "antigens").glob("*.json"))):
        data = path.read_bytes()
        total.update(f"{path.name} {len(data)}\n".encode() + data)
    return total.hexdigest()
