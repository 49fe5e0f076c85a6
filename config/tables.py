"""Code tables of the clinic, read from config/tables/*.csv when first asked for.

Every row keeps where it comes from (`evidence`; marks and sources: config/tables/README.md).
A damaged table raises ConfigError. A table the region published takes the place of the one that ships.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from io import StringIO
from itertools import groupby
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from config.published import Document, Refused, newest
from domain.errors import ConfigError
from domain.precheck import Precaution

FOLDER = Path(__file__).with_name("tables")


class Term(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One value of a small table. `upload_as` is what another system wants instead, where that is known."""

    code: str
    name_zh: str
    name_en: str
    evidence: str
    upload_as: str = ""


class Vaccine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A vaccine by its four-digit code; the first two, `class2`, are the class doses are counted in.

    `cvx` is the nearest code of the US list, "" where there is none.
    """

    code4: str
    class2: str
    name_zh: str
    name_en: str
    evidence: str
    abbr: str = ""
    cvx: str = ""
    cvx_evidence: str = ""


class Area(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A province (2 digits), city (4) or county (6) of GB/T 2260."""

    code: str
    name: str
    evidence: str


class Product(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A vaccine product as a package names it: by the first 7 digits of its trace code or by its GTIN.

    `volume_ml` is one dose; `open_hours` how long an opened vial may be used, None until the session ends;
    `funding` nip (programme) or self (the family pays); `components` codes of components.csv.
    """

    prefix7: str
    gtin14: str
    vaccine: str
    maker_zh: str
    maker_en: str
    doses_per_vial: int
    vials_per_package: int
    volume_ml: float
    route: str
    site: str
    funding: Literal["nip", "self"]
    evidence: str
    open_hours: float | None = None
    components: tuple[str, ...] = ()


Row = TypeVar("Row", bound=msgspec.Struct)


_TERMS = (
    "sites", "routes", "sexes", "ethnic-groups", "residence", "register-status", "dose-kinds", "components",
    "conditions",
)  # fmt: skip
KEYS: Mapping[str, tuple[type[msgspec.Struct], str]] = {
    **{name: (Term, "code") for name in _TERMS},
    "vaccines": (Vaccine, "code4"),
    "areas": (Area, "code"),
    "products": (Product, "prefix7"),
}
"""What may be published: the name, what a row is, and the column that names it. The file's name has _ for -."""
_published: dict[str, bytes] = {}


def read_table(path: Path, kind: type[Row]) -> tuple[Row, ...]:
    """The rows of a table; an empty cell means the default. Raises ConfigError naming file and line."""
    try:
        content = path.read_bytes()
    except OSError as fault:
        raise ConfigError("config.bad_table", table=path.name, detail=str(fault)) from fault
    return parse(path.name, content, kind)


def parse(name: str, content: bytes, kind: type[Row]) -> tuple[Row, ...]:
    """The rows of a table's CSV. Raises ConfigError naming table and line."""
    line = 0
    try:
        reader, rows = csv.DictReader(StringIO(content.decode("utf-8-sig"), newline=""), strict=True), []
        for cells in reader:
            line = reader.line_num
            filled: dict[str, object] = {name: cell for name, cell in cells.items() if cell}
            if "components" in filled:
                filled["components"] = cells["components"].split(";")
            rows.append(msgspec.convert(filled, kind, strict=False))
        return tuple(rows)
    except (UnicodeDecodeError, csv.Error, msgspec.ValidationError) as fault:
        raise ConfigError("config.bad_table", table=name, detail=f"{line}: {fault}") from fault


def check(name: str, content: bytes) -> None:
    """Whether a published table may take the place of the one that ships: every row read, named once, and every code
    there that records may carry already; products may go. Raises ConfigError."""
    kind, key = KEYS[name]
    named = Counter(getattr(row, key) for row in parse(name, content, kind))
    shipped = () if kind is Product else read_table(FOLDER / _file(name), kind)
    twice = {one for one, count in named.items() if count > 1}
    missing = {getattr(row, key) for row in shipped} - named.keys()
    foreign = {row.vaccine for row in parse(name, content, Product)} - vaccines().keys() if name == "products" else ()
    for fault, names in (("twice", twice), ("missing", missing), ("unknown", foreign), ("empty", () if named else "?")):
        if names:
            raise ConfigError("config.bad_table", table=name, detail=f"{fault}: {', '.join(sorted(names))}")


def in_force(documents: Sequence[Document], day: date) -> tuple[dict[str, bytes], tuple[Refused, ...]]:
    """The published tables in force on a day by file name, and those that cannot be used. `documents` by name, then as
    they come into force; what is no table is passed over."""
    kept, refused = {}, list[Refused]()

    def content(document: Document) -> bytes:
        check(document.name, document.content)
        return document.content

    for name, of_name in groupby(documents, lambda one: one.name):
        if name in KEYS:
            found, bad = newest(tuple(of_name), day, content)
            refused += bad
            if found is not None:
                kept[_file(name)] = found
    return kept, tuple(refused)


def use(published: Mapping[str, bytes]) -> None:
    """Tables by file name that take the place of those that ship, from now on in this process; each was checked."""
    if published != _published:
        _published.clear()
        _published.update(published)
        for kept in (_terms, vaccines, areas, products, _products_by_code):
            kept.cache_clear()


def _file(name: str) -> str:
    return f"{name.replace('-', '_')}.csv"


def _rows(name: str, kind: type[Row]) -> tuple[Row, ...]:
    content = _published.get(_file(name))
    return read_table(FOLDER / _file(name), kind) if content is None else parse(name, content, kind)


@cache
def _terms(name: str) -> dict[str, Term]:
    return {term.code: term for term in _rows(name, Term)}


@cache
def vaccines() -> dict[str, Vaccine]:
    """Four-digit code -> vaccine. Two systems disagree on a few codes; `evidence` says which."""
    return {vaccine.code4: vaccine for vaccine in _rows("vaccines", Vaccine)}


@cache
def areas() -> dict[str, Area]:
    """GB/T 2260 code of 2, 4 or 6 digits -> area, as they stand today; abolished ones are missing."""
    return {area.code: area for area in _rows("areas", Area)}


def known_area(code: str) -> bool:
    """Whether the six digits are a county of today."""
    return len(code) == 6 and code in areas()


def area_name(code: str) -> str:
    """Province, city and county of a code in full, as far as they are known; "" if nothing is."""
    names = [areas()[code[:length]].name for length in (2, 4, 6) if len(code) >= length and code[:length] in areas()]
    return "".join(name for name in names if name not in ("市辖区", "县"))


@cache
def products() -> tuple[Product, ...]:
    """The vaccine products this clinic handles. Those shipped are synthetic."""
    return _rows("products", Product)


@cache
def _products_by_code() -> dict[str, Product]:
    return {code: product for product in products() for code in (product.prefix7, product.gtin14)}


def product(code: str) -> Product | None:
    """The product of a trace code's first 7 digits or of a GTIN-14; None if the clinic does not know it."""
    return _products_by_code().get(code)


def sites() -> dict[str, Term]:
    """Where on the body."""
    return _terms("sites")


def routes() -> dict[str, Term]:
    """How a dose is given; `upload_as` is the number of the system that does not split injections."""
    return _terms("routes")


def sexes() -> dict[str, Term]:
    """GB/T 2261.1."""
    return _terms("sexes")


def ethnic_groups() -> dict[str, Term]:
    """GB/T 3304."""
    return _terms("ethnic_groups")


def residences() -> dict[str, Term]:
    """Local, floating or temporary."""
    return _terms("residence")


def register_statuses() -> dict[str, Term]:
    """Where a child's file stands; `upload_as` is the number the platform wants."""
    return _terms("register_status")


def dose_kinds() -> dict[str, Term]:
    """Routine, booster, campaign or emergency dose."""
    return _terms("dose_kinds")


def components() -> dict[str, Term]:
    """What a vaccine may contain that a person may be allergic to."""
    return _terms("components")


def conditions() -> dict[str, Term]:
    """What a physician may note of a child's health, by the codes the programmes' rules ask for."""
    return _terms("conditions")


@cache
def precautions() -> tuple[Precaution, ...]:
    """What the answers of the pre-check do to a package."""
    return read_table(FOLDER / "precheck.csv", Precaution)
