import re
from collections import Counter
from datetime import date, timedelta
from random import Random

import pytest

from config import tables
from domain.ages import age_text_parts
from domain.codes import ScanRules, TracePackage, classify
from domain.events import ChildRegistered
from domain.people import Candidate, check_child, likeness
from domain.permissions import GRADES, check_grades, check_pin
from domain.pinyin import spell
from domain.problems import Severity
from terminal.demo.synthetic import Scale, histories, history, lots, people, scale, staff

TODAY = date(2026, 11, 22)
PRODUCTS = tables.products()


@pytest.fixture(scope="module")
def children() -> list[ChildRegistered]:
    return list(people(3000, Random(1), TODAY, clinic="1100990101"))


def test_the_same_seed_makes_the_same_clinic() -> None:
    def clinic(seed: int) -> list[object]:
        rng = Random(seed)
        some = list(people(50, rng, TODAY))
        return [some, list(lots(PRODUCTS, rng, TODAY)), [history(child, TODAY, rng, PRODUCTS) for child in some]]

    assert clinic(7) == clinic(7) != clinic(8)


def test_every_child_passes_the_checks_of_the_register(children: list[ChildRegistered]) -> None:
    assert len(children) == 3000
    codes = Counter(p.code for child in children for p in check_child(child, TODAY, tables.known_area))
    assert set(codes) == {"resident_id.unknown_area", "child.newborn_without_name"}
    assert all(p.severity is Severity.WARN for child in children for p in check_child(child, TODAY, tables.known_area))


def test_numbers_are_nobody_elses_and_nobodys(children: list[ChildRegistered]) -> None:
    numbers = Counter((i.kind, i.value) for child in children for i in child.identifiers)
    assert max(numbers.values()) == 1
    assert all(value.startswith("110099") for kind, value in numbers if kind == "resident_id")
    assert not tables.known_area("110099")
    phones = [child.guardians[0].phone for child in children]
    assert all(re.fullmatch(r"19900\d{6}", phone) for phone in phones)
    assert max(Counter(phones).values()) == 2  # twins only


def test_there_are_twins_newborns_rare_characters_and_dotted_names(children: list[ChildRegistered]) -> None:
    firsts = [at for at, child in enumerate(children) if child.birth_order == 1]
    assert len(firsts) > 20
    for at in firsts:
        first, second = children[at : at + 2]
        assert first.name != second.name or not first.name
        assert (first.birth_on, first.guardians, second.birth_order) == (second.birth_on, second.guardians, 2)
    unnamed = [child for child in children if not child.name]
    assert unnamed and all(age_text_parts(date.fromisoformat(c.birth_on), TODAY) < (0, 1, 1) for c in unnamed)
    names = "".join(child.name for child in children)
    assert set("㛃䶮㺹𬭊𬍛𬬭𫖯·") <= set(names)
    surnames = Counter(child.name[:1] for child in children)
    assert {surname for surname, _ in surnames.most_common(3)} == set("王李张")
    ages = Counter(age_text_parts(date.fromisoformat(child.birth_on), TODAY)[0] for child in children)
    assert set(ages) == set(range(10))


def test_twins_are_offered_as_twins(children: list[ChildRegistered]) -> None:
    at = next(at for at, c in enumerate(children) if c.birth_order == 1 and c.name and children[at + 1].name != c.name)
    first, second = children[at : at + 2]
    phones = tuple(g.phone for g in first.guardians)
    here = Candidate("c1", first.name, spell(first.name), first.sex, first.birth_on, phones, (), 1)
    assert likeness(second, here).twin_or_sibling


def test_staff_have_every_grade_and_fit_the_rules() -> None:
    members = staff()
    assert {grade for member in members for grade in member.grades} == set(GRADES)
    assert not [p for member in members for p in check_grades(member.grades) + check_pin(member.pin, member.code)]
    assert len({member.pin for member in members}) == len({member.code for member in members}) == len(members)


def test_packages_of_a_delivery_scan_as_their_product() -> None:
    rules = ScanRules(TODAY)
    for lot in lots(PRODUCTS, Random(1), TODAY, packages=3):
        assert len(set(lot.packages)) == 3
        assert TODAY + timedelta(300) < date.fromisoformat(lot.expiry_on) < TODAY + timedelta(800)
        for package in lot.packages:
            code = classify(package, rules)
            assert isinstance(code, TracePackage) and tables.product(code.product) == lot.product


def test_a_history_is_a_plausible_one(children: list[ChildRegistered]) -> None:
    most = 0
    for child in children[:300]:
        doses = history(child, TODAY, Random(2), PRODUCTS)
        given_on = [dose.given_at[:10] for dose in doses]
        assert given_on == sorted(given_on) and child.birth_on <= min(given_on) and max(given_on) <= str(TODAY)
        assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d", dose.given_at) for dose in doses)
        numbers: dict[str, list[int]] = {}
        for dose in doses:
            numbers.setdefault(dose.body.vaccine[:2], []).append(dose.body.dose_no)
            assert dose.body.lot_no and dose.body.expiry_on > dose.given_at[:10]
            assert dose.body.vaccine in tables.vaccines() and dose.body.funding == "nip"
        assert all(numbers[kind] == list(range(1, len(numbers[kind]) + 1)) for kind in numbers)
        most = max(most, len(doses))
    assert most == 22  # the programme's doses up to seven years


def test_doses_of_a_class_keep_four_weeks_between_them(children: list[ChildRegistered]) -> None:
    for child in children[:300]:
        last: dict[str, date] = {}
        for dose in history(child, TODAY, Random(3), PRODUCTS):
            day, kind = date.fromisoformat(dose.given_at[:10]), dose.body.vaccine[:2]
            assert kind not in last or (day - last[kind]).days >= 28
            last[kind] = day


def test_without_a_product_a_dose_is_known_without_its_lot(children: list[ChildRegistered]) -> None:
    (first, *_) = history(children[0], TODAY, Random(1), ())
    assert first.body.vaccine in tables.vaccines() and first.body.lot_no == ""


@pytest.mark.parametrize("size", [Scale(200, 3_500, 800, 10), Scale(200, 0, 0, 10), Scale(200, 1, 2, 10)])
def test_a_register_has_exactly_the_doses_asked_for(size: Scale) -> None:
    rng = Random(4)
    some = list(people(size.children, rng, TODAY, size.years))
    funding = Counter(dose.body.funding for doses in histories(some, TODAY, rng, PRODUCTS, size) for dose in doses)
    assert (funding["nip"], funding["self"]) == (size.programme, size.self_paid)


def test_more_doses_than_the_children_are_old_enough_for_are_refused() -> None:
    some = list(people(10, Random(1), TODAY))
    with pytest.raises(ValueError):
        list(histories(some, TODAY, Random(1), PRODUCTS, Scale(10, 500, 0, 10)))


def test_the_clinic_of_the_targets_can_be_made() -> None:
    size = scale("clinic")
    rng = Random(1)
    some = list(people(size.children, rng, TODAY, size.years))
    assert (len(some), size.programme + size.self_paid) == (7_040, 155_968)
    assert sum(len(doses) for doses in histories(some, TODAY, rng, PRODUCTS, size)) == 155_968


def test_the_district_of_the_targets_is_the_sum_of_its_doses() -> None:
    size = scale("district")
    assert (size.children, size.programme + size.self_paid) == (41_991, 813_068)
