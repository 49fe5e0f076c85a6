"""A synthetic clinic: the same people, lots and doses for the same seed, none of them anybody's.

Phones count up from 19900000001. Resident numbers have the area 110099, which was never given out. The ages of
doses are those of the national programme's 2026 edition; they are plausible, not judged by the rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

import msgspec

from config.tables import Product
from domain.ages import add_months
from domain.events import Alert, ChildRegistered, DoseGiven, Guardian, Identifier
from domain.identifiers import resident_check

AREA = "110099"
CLINIC = "1100990101"

# The commonest surnames with people per thousand, and characters of given names.
_SURNAMES = {
    "王": 72, "李": 72, "张": 68, "刘": 52, "陈": 46, "杨": 31, "黄": 22, "赵": 21, "吴": 20, "周": 19, "徐": 14,
    "孙": 14, "马": 13, "朱": 12, "胡": 12, "郭": 11, "何": 11, "林": 11, "高": 10, "罗": 9, "郑": 9, "梁": 8, "谢": 8,
    "宋": 7, "唐": 7, "许": 6, "韩": 6, "冯": 6, "邓": 6, "曹": 6, "彭": 5, "曾": 5, "肖": 5, "田": 4, "董": 4, "袁": 4,
    "潘": 4, "单": 1, "仇": 1, "解": 1, "区": 1, "查": 1, "缪": 1, "覃": 1, "欧阳": 1, "尉迟": 1, "上官": 1,
}  # fmt: skip
_BOYS = "子浩宇轩泽博文俊杰昊天睿晨明辰逸铭航思远嘉伟志强家豪"
_GIRLS = "子涵梓萱雨欣怡诗琪佳悦梦瑶可馨语桐若曦依诺静婷雅芷"
_RARE = "㛃䶮㺹𬭊𬍛𬬭𫖯"
_WITH_DOT = ("买买提·艾力", "阿依古丽·吐尔逊", "古丽娜尔·玉素甫", "努尔兰·哈力克", "扎西·多吉", "卓玛·央金")
_LATE_DAYS = (0, 0, 0, 1, 1, 2, 3, 5, 8, 13, 21)

# Vaccine codes that will do, ages in months. The programme as of 2026; HPV for girls.
_Plan = tuple[tuple[tuple[str, ...], tuple[int, ...]], ...]
_PROGRAMME: _Plan = (
    (("0201", "0202"), (0, 1, 6)), (("0101",), (0,)), (("0306",), (2, 3)), (("0311",), (4, 48)),
    (("0402",), (2, 4, 6, 18, 72)), (("1601",), (6, 10)), (("1201",), (8, 18)), (("1801",), (8, 24)),
    (("1902", "1901"), (18,)), (("1701",), (36, 72)), (("5501",), (156, 162)),
)  # fmt: skip
_SELF_PAID: _Plan = (
    (("2402",), (2, 3, 4)), (("2503",), (2, 4, 6, 13)), (("2301",), (3, 5, 7, 19)), (("5402",), (7, 10)),
    (("2201",), (12, 49)), (("2108",), (14, 26, 38, 50, 62, 74)),
)  # fmt: skip
_GIRLS_ONLY = ("5501",)
# Until the end of 2024 DTaP began at three months, and at six years DT was given.
_DTAP, _DTAP_BEFORE, _DTAP_BETWEEN, _DT = ("0402",), (3, 4, 5, 18, 72), (3, 4, 6, 18, 72), ("0601",)
_DTAP_CHANGED_ON = date(2025, 1, 1)


@dataclass(frozen=True)
class Scale:
    """The size of a register: children, doses of the programme and self-paid; no child is older than `years`."""

    children: int
    programme: int
    self_paid: int
    years: int


_SCALES = {
    "clinic": Scale(7_040, 126_968, 29_000, 10),
    "district": Scale(41_991, 722_684, 90_384, 7),
    "x10": Scale(70_400, 1_269_680, 290_000, 10),
}


@dataclass(frozen=True)
class Member:
    """A member of staff with a PIN for the demonstration."""

    code: str
    name: str
    grades: tuple[str, ...]
    pin: str


@dataclass(frozen=True)
class Lot:
    """A delivery as it is scanned: `packages` are trace codes of 20 digits."""

    product: Product
    lot_no: str
    expiry_on: str
    packages: tuple[str, ...]


@dataclass(frozen=True)
class PastDose:
    """A dose given before, on the clinic's clock (2026-11-22T09:42). Its body names no visit and no lot id."""

    given_at: str
    body: DoseGiven


def scale(name: str) -> Scale:
    """clinic: a large one, 155,968 doses; district: ten clinics, 813,068 doses; x10: ten large ones. KeyError else."""
    return _SCALES[name]


def staff() -> tuple[Member, ...]:
    """One person of each grade."""
    return (
        Member("N001", "林静", ("general",), "739154"),
        Member("N002", "何佳", ("general",), "862417"),
        Member("A001", "郑文", ("advanced",), "915738"),
        Member("S001", "曾明", ("super",), "428691"),
        Member("C001", "梁远", ("auditor",), "573926"),
    )


def people(n: int, rng: Random, today: date, years: int = 10, clinic: str = "") -> Iterator[ChildRegistered]:
    """`n` children born within `years` before `today`, twins one after the other.

    With `clinic` (ten digits) each has a child code of that clinic; without, the register gives one.
    """
    serials = Counter[str]()
    made = family = 0
    while made < n:
        family += 1
        twins = n - made >= 2 and rng.random() < 0.015
        for child in _family(family, rng, today, years, twins):
            yield _numbered(child, made, rng, clinic, serials)
            made += 1


def lots(products: Sequence[Product], rng: Random, today: date, packages: int = 10) -> Iterator[Lot]:
    """A delivery of each product, good for another year or two."""
    for product in products:
        made_on = add_months(today, -rng.randint(1, 8))
        codes = dict.fromkeys(product.prefix7 + f"{rng.randrange(10**13):013}" for _ in range(packages))
        yield Lot(product, *_lot_of(product, made_on), tuple(codes))


def history(
    child: ChildRegistered, today: date, rng: Random, products: Sequence[Product], clinic: str = CLINIC
) -> list[PastDose]:
    """The doses of a child who came whenever called, oldest first: the whole programme, nothing self-paid."""
    plan = _timetable(child, today, rng.choice(_LATE_DAYS), _PROGRAMME)
    return _given(plan, rng, products, clinic)


def histories(
    children: Sequence[ChildRegistered],
    today: date,
    rng: Random,
    products: Sequence[Product],
    size: Scale,
    clinic: str = CLINIC,
) -> Iterator[list[PastDose]]:
    """The doses of each child in turn, in all exactly `size.programme` and `size.self_paid`.

    Some families stopped coming: their last doses are missing. ValueError if the children are too young for so many.
    """
    late = [rng.choice(_LATE_DAYS) for _ in children]
    keep = []
    for plan, total in ((_PROGRAMME, size.programme), (_SELF_PAID, size.self_paid)):
        possible = [len(_timetable(child, today, days, plan)) for child, days in zip(children, late, strict=True)]
        keep.append(_thinned(possible, total, rng))
    for child, days, programme, self_paid in zip(children, late, *keep, strict=True):
        rows = _timetable(child, today, days, _PROGRAMME)[:programme]
        rows += _timetable(child, today, days, _SELF_PAID)[:self_paid]
        yield _given(sorted(rows), rng, products, clinic)


def _family(number: int, rng: Random, today: date, years: int, twins: bool) -> Iterator[ChildRegistered]:
    surname, other = rng.choices([*_SURNAMES], [*_SURNAMES.values()], k=2)
    birth_on = today - timedelta(rng.randrange(years * 365))
    with_dot = rng.random() < 0.015 and not twins
    named: set[str] = set()
    guardians = (
        Guardian("mother", other + _given_name(rng, "2"), f"199{number:08}"),
        *((Guardian("father", surname + _given_name(rng, "1")),) if rng.random() < 0.7 else ()),
    )
    mother_hbsag = rng.choices(("negative", "positive", "unknown"), (93, 5, 2))[0]
    address = f"示范区示范路{number}号"
    residence = rng.choices("123", (70, 25, 5))[0]
    for order in (1, 2) if twins else (0,):
        sex = rng.choices("12", (53, 47))[0]
        name = rng.choice(_WITH_DOT) if with_dot else surname + _given_name(rng, sex)
        while name in named:
            name = surname + _given_name(rng, sex)
        named.add(name)
        unnamed = (today - birth_on).days <= 30 and rng.random() < 0.5
        early = rng.random() < (0.5 if twins else 0.05)
        yield ChildRegistered(
            name="" if unnamed else name,
            sex=sex,
            birth_on=birth_on.isoformat(),
            birth_time=f"{rng.randrange(24):02}:{rng.randrange(60):02}",
            birth_weight_g=max(1200, round(rng.gauss(2400 if early else 3300, 400) / 10) * 10),
            birth_hospital="示范妇幼保健院",
            birth_order=order,
            preterm_weeks=rng.randint(32, 36) if early else 0,
            mother_hbsag=mother_hbsag,
            ethnic="05" if with_dot else "01",
            address=address,
            area=AREA,
            residence=residence,
            register_status="1",
            guardians=guardians,
            alerts=(Alert("allergy", "对鸡蛋过敏", component="egg"),) if rng.random() < 0.005 else (),
        )


def _given_name(rng: Random, sex: str) -> str:
    usual = _BOYS if sex == "1" else _GIRLS
    return "".join(rng.choice(_RARE if rng.random() < 0.01 else usual) for _ in range(rng.choices((1, 2), (15, 85))[0]))


def _numbered(child: ChildRegistered, made: int, rng: Random, clinic: str, serials: Counter[str]) -> ChildRegistered:
    year, day = child.birth_on[:4], child.birth_on.replace("-", "")
    identifiers = [Identifier("booklet", f"99{made:08}")]
    if rng.random() < 0.6:
        identifiers.append(Identifier("birth_certificate", f"Z99{made:07}"))
    if child.name and rng.random() < 0.4:
        serials[day] += 1
        first = f"{AREA}{day}{serials[day] * 2 + int(child.sex) % 2:03}"
        identifiers.append(Identifier("resident_id", first + resident_check(first)))
    if clinic:
        serials[year] += 1
        identifiers.append(Identifier("child_code", f"{clinic}{year}{serials[year]:04}", clinic))
    return msgspec.structs.replace(child, identifiers=tuple(identifiers), clinic=clinic)


def _timetable(child: ChildRegistered, today: date, late: int, plan: _Plan) -> list[tuple[date, tuple[str, ...]]]:
    """The days up to `today` of a child who comes `late` days late, each with the vaccine codes that will do."""
    birth_on = date.fromisoformat(child.birth_on)
    before = add_months(birth_on, 2) < _DTAP_CHANGED_ON
    dtap = _DTAP_BEFORE if add_months(birth_on, 5) + timedelta(late) < _DTAP_CHANGED_ON else _DTAP_BETWEEN
    rows = [
        (add_months(birth_on, age) + timedelta(late if age else 0), codes)
        for codes, ages in plan
        for age in (dtap if codes == _DTAP and before else ages)
        if codes != _GIRLS_ONLY or child.sex == "2"
    ]
    school = add_months(birth_on, 72)
    rows = [(d, _DT if c == _DTAP and school <= d < _DTAP_CHANGED_ON else c) for d, c in rows]
    return sorted(row for row in rows if row[0] <= today)


def _thinned(counts: Sequence[int], total: int, rng: Random) -> list[int]:
    """The counts lowered, a few at a time here and there, until they add up to `total`."""
    surplus = sum(counts) - total
    if surplus < 0:
        raise ValueError(f"{total} doses, but the children are old enough for {total + surplus}")
    kept, order = list(counts), list(range(len(counts)))
    while surplus:
        rng.shuffle(order)
        for at in order:
            lost = min(kept[at], surplus, rng.randint(1, 6))
            kept[at] -= lost
            surplus -= lost
    return kept


def _given(
    rows: Sequence[tuple[date, tuple[str, ...]]], rng: Random, products: Sequence[Product], clinic: str
) -> list[PastDose]:
    numbers = Counter[str]()
    given = []
    for day, codes in rows:
        numbers[codes[0][:2]] += 1
        fitting = [product for product in products if product.vaccine in codes]
        body = DoseGiven(visit="", vaccine=codes[0], dose_no=numbers[codes[0][:2]], clinic=clinic)
        if fitting:
            body = _from_package(body, rng.choice(fitting), day, rng)
        given.append(PastDose(f"{day.isoformat()}T{rng.randint(8, 11):02}:{rng.randrange(60):02}", body))
    return given


def _from_package(body: DoseGiven, product: Product, day: date, rng: Random) -> DoseGiven:
    lot_no, expiry_on = _lot_of(product, day - timedelta(90))
    return msgspec.structs.replace(
        body,
        vaccine=product.vaccine,
        giver=rng.choice(("N001", "N002")),
        lot_no=lot_no,
        expiry_on=expiry_on,
        maker=product.maker_zh,
        volume_ml=product.volume_ml,
        site=product.site,
        route=product.route,
        funding=product.funding,
    )


def _lot_of(product: Product, made_on: date) -> tuple[str, str]:
    """Number and expiry of the lot of that month; it keeps two years."""
    lot_no = f"{product.prefix7[-2:]}{made_on:%Y%m}"
    return lot_no, add_months(made_on.replace(day=1), 24).isoformat()
