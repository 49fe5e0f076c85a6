"""Programmes and code tables the region published: in force from their day, and never in the way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from hashlib import sha256

import msgspec
import pytest

from config import plans, programmes, tables
from config.published import Document
from config.settings import Programme
from domain.errors import ConfigError
from domain.schedule.case import Case
from domain.schedule.dates import Span

BEFORE, DAY, AFTER = date(2026, 12, 31), date(2027, 1, 1), date(2027, 2, 1)
NEW = "cn-nip-2027"


def edition(name: str = NEW, begins: date = DAY, age: Span = "10 months", of: str = "cn-nip-2026") -> bytes:
    """The edition of 2026 under another name and from another day, with the first JE at another age."""
    known = programmes.load(programmes.DIRECTORY / of)
    je = known.antigens["JE"]
    later = []
    for series in je.series:
        first = series.doses[0]
        ages = tuple(msgspec.structs.replace(one, earliest_rec=age) for one in first.ages)
        later.append(
            msgspec.structs.replace(series, doses=(msgspec.structs.replace(first, ages=ages), *series.doses[1:]))
        )
    antigens = {**known.antigens, "JE": msgspec.structs.replace(je, series=tuple(later))}
    return msgspec.json.encode(
        msgspec.structs.replace(known, name=name, edition=name[-4:], effective_on=begins, antigens=antigens)
    )


def document(content: bytes, day: date = DAY, name: str = NEW) -> Document:
    return Document(name, sha256(content).hexdigest(), day, content)


def used(day: date, *documents: Document, named: Programme = Programme()) -> plans.Plans:  # noqa: B008 (is frozen)
    return plans.load(named, documents=documents, day=day)


def je_on(found: plans.Plans, day: date) -> date | None:
    """When a newborn of that day is asked to come for JE."""
    groups = found.plan.evaluate(Case("", day, "F", day)).groups
    return next(one.recommended_on for one in groups if one.vaccine_group == "JE")


def refused(name: str, content: bytes, day: date = DAY) -> str:
    with pytest.raises(ConfigError) as caught:
        plans.check(name, content, day) if name.startswith("cn") else tables.check(name, content)
    return str(caught.value.params["detail"])


def test_a_packed_folder_is_read_as_the_programme_it_was() -> None:
    for name in ("cn-nip-2026", "cn-self-paid"):
        folder = programmes.DIRECTORY / name
        assert programmes.read(name, programmes.packed(folder)) == programmes.load(folder)


def test_a_new_edition_judges_from_its_day_on() -> None:
    new = document(edition())
    before, on = used(BEFORE, new), used(DAY, new)
    assert before.plan.programme(BEFORE).name == "cn-nip-2026"
    assert on.plan.programme(DAY).name == NEW and on.plan.programme(BEFORE).name == "cn-nip-2026"
    assert (je_on(on, BEFORE), je_on(on, DAY)) == (date(2027, 8, 31), date(2027, 11, 1))
    assert on.digests[NEW] == new.version and before.digests[NEW] == new.version, "to be approved before its day"
    assert before.stamp(BEFORE) != used(BEFORE).stamp(BEFORE) and before.stamp(DAY) != before.stamp(BEFORE)


def test_an_edition_published_for_a_later_day_waits_for_that_day() -> None:
    new = document(edition(), AFTER)
    assert used(DAY, new).plan.programme(DAY).name == "cn-nip-2026"
    assert used(DAY, new).plan.programme(AFTER).name == NEW
    assert used(AFTER, new).plan.programme(AFTER).name == NEW


def test_corrected_data_take_the_place_of_those_of_the_same_name() -> None:
    old = programmes.load(programmes.DIRECTORY / "cn-nip-2026")
    better = document(edition("cn-nip-2026", old.effective_on), DAY, "cn-nip-2026")
    assert used(BEFORE, better).digests == used(BEFORE).digests, "not before its day"
    on = used(DAY, better)
    assert len(on.plan.editions) == 3 and on.digests["cn-nip-2026"] == better.version
    assert je_on(on, DAY) == date(2027, 11, 1)


def test_of_two_documents_of_a_name_the_newest_in_force_counts() -> None:
    first, second = document(edition()), document(edition(age="11 months"), AFTER)
    assert je_on(used(DAY, first, second), DAY) == date(2027, 11, 1)
    assert je_on(used(AFTER, first, second), DAY) == date(2027, 12, 1)
    assert len(used(AFTER, first, second).plan.editions) == 4


def test_two_editions_stand_beside_each_other() -> None:
    one, other = document(edition()), document(edition("cn-nip-2028", AFTER, "11 months"), AFTER, "cn-nip-2028")
    found = used(AFTER, one, other)
    assert [found.plan.programme(day).name for day in (BEFORE, DAY, AFTER)] == ["cn-nip-2026", NEW, "cn-nip-2028"]
    assert found.refused == ()


def test_what_cannot_be_used_is_told_and_the_one_before_stays() -> None:
    good = document(edition())
    same_day = edition(NEW, programmes.load(programmes.DIRECTORY / "cn-nip-2026").effective_on)
    for bad in (
        b"",
        b"\xff",
        b"[" * 100_000,
        b"{}",
        edition("cn-nip-1999"),
        good.content[:-1] + b', "more": 1}',
        same_day,
    ):
        found = used(AFTER, good, document(bad, AFTER))
        assert found.digests == used(AFTER, good).digests and found.plan.programme(AFTER).name == NEW
        ((told),) = found.refused
        assert (told.name, told.effective_on, bool(told.detail)) == (NEW, AFTER, True)
        alone = used(AFTER, document(bad, AFTER))
        assert alone.plan == used(AFTER).plan and len(alone.refused) == 1
        assert used(DAY, document(bad, AFTER)).refused == (), "it is not in force yet"
    mended = used(AFTER, document(b"{}", DAY), document(good.content, AFTER))
    assert mended.refused == () and mended.plan.programme(AFTER).name == NEW


def test_the_self_paid_programme_may_be_published_and_must_fit_the_others() -> None:
    known = programmes.load(programmes.DIRECTORY / "cn-self-paid")
    newer = msgspec.json.encode(msgspec.structs.replace(known, source="of the region"))
    found = used(DAY, document(newer, DAY, "cn-self-paid"))
    assert found.plan.supplement and found.plan.supplement.source == "of the region"
    clash = document(edition("cn-self-paid"), DAY, "cn-self-paid")
    assert used(DAY, clash).plan == used(DAY).plan and used(DAY, clash).refused
    without = Programme(supplement="")
    assert used(DAY, clash, named=without).refused == (), "a clinic that does not offer them does not read them"


def test_a_clinic_that_names_its_editions_goes_by_those_alone() -> None:
    new = document(edition())
    assert used(DAY, new, named=Programme(("cn-nip-2026",))).plan.programme(DAY).name == "cn-nip-2026"
    assert used(DAY, new, named=Programme(("cn-nip-2026", NEW))).plan.programme(DAY).name == NEW
    with pytest.raises(ConfigError):
        used(DAY, named=Programme(("cn-nip-2026", NEW)))


def test_nothing_is_published_that_could_not_be_used() -> None:
    plans.check(NEW, edition(), DAY)
    assert "name: cn-nip-2027" in refused("cn-nip-2028", edition())
    assert "2027-01-01" in refused(NEW, edition(), BEFORE)
    assert refused(NEW, b'{"id": "cn"}')
    begins = programmes.load(programmes.DIRECTORY / "cn-nip-2026").effective_on
    assert "day of its own" in refused(NEW, edition(NEW, begins))


# -- code tables -----------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def shipped() -> Iterator[None]:
    yield
    tables.use({})


def products(*rows: str) -> bytes:
    lines = (tables.FOLDER / "products.csv").read_text(encoding="utf-8").splitlines()
    return "\n".join((*lines[:2], *rows, "")).encode()


ROW = "8999901,09529999900015,0202,某厂,Some,1,1,0.5,IM,2,,self,,S: published"


def test_a_published_table_counts_from_its_day_on_and_the_shipped_one_comes_back() -> None:
    many = products(ROW)
    documents = (document(many, DAY, "products"), document(products(), AFTER, "products"))
    assert tables.in_force(documents, BEFORE) == ({}, ())
    kept, bad = tables.in_force(documents, DAY)
    assert bad == () and tables.product("8999901") is None
    tables.use(kept)
    assert [one.prefix7 for one in tables.products()] == ["8900001", "8999901"]
    assert tables.product("8999901") and tables.product("8900002") is None
    tables.use(tables.in_force(documents, AFTER)[0])
    assert tables.product("8999901") is None
    tables.use({})
    assert tables.product("8900002")


def test_small_tables_may_grow_but_no_code_of_a_record_goes() -> None:
    text = (tables.FOLDER / "dose_kinds.csv").read_bytes()
    more = text + "9,特别,special,,S: published\n".encode()
    tables.use(tables.in_force((document(more, DAY, "dose-kinds"),), DAY)[0])
    assert tables.dose_kinds()["9"].name_zh == "特别"
    fewer = text[: text.rindex(b"\n", 0, -1) + 1]
    assert "missing" in refused("dose-kinds", fewer)
    for name in tables.KEYS:
        tables.check(name, (tables.FOLDER / f"{name.replace('-', '_')}.csv").read_bytes())


def test_a_broken_table_is_told_and_the_one_before_stays() -> None:
    good, bad = products(ROW), products(ROW, ROW)
    kept, told = tables.in_force((document(good, DAY, "products"), document(bad, AFTER, "products")), AFTER)
    assert kept == {"products.csv": good} and "twice: 8999901" in told[0].detail
    for content, why in (
        (b"", "empty"), (b"\xff", "utf-8"), (products(ROW.replace("0202", "9998")), "unknown: 9998"),
        (products(ROW.replace(",1,1,", ",one,1,")), "3: "), (b'prefix7\n"', "end of data"),
    ):  # fmt: skip
        assert why in refused("products", content)
