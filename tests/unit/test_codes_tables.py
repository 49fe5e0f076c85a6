"""The code tables hold together."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from config import tables
from config.texts import say
from domain.codes import Package, ScanRules, TracePackage, classify
from domain.errors import ConfigError
from domain.identifiers import is_gtin14

SMALL = [
    tables.sites,
    tables.routes,
    tables.sexes,
    tables.ethnic_groups,
    tables.residences,
    tables.register_statuses,
    tables.dose_kinds,
    tables.components,
    tables.conditions,
]


def test_vaccines() -> None:
    vaccines = tables.vaccines()
    assert len(vaccines) == 104
    for code, vaccine in vaccines.items():
        assert re.fullmatch(r"\d{4}", code) and vaccine.class2 == code[:2]
        assert vaccine.name_zh and vaccine.name_en and vaccine.evidence
    assert vaccines["0101"].name_zh == "卡介苗"
    assert vaccines["0311"].cvx == "178"


@pytest.mark.parametrize("table", SMALL)
def test_small_table(table: object) -> None:
    assert callable(table)
    for code, term in table().items():
        assert code and term.name_zh and term.name_en and term.evidence


def test_areas() -> None:
    assert len(tables.areas()) == 31 + 342 + 2978
    assert tables.known_area("110101") and not tables.known_area("110103") and not tables.known_area("11")
    assert tables.area_name("110101") == "北京市东城区"
    assert tables.area_name("340603") == "安徽省淮北市相山区"
    assert tables.area_name("999999") == ""


def test_products_hold_together() -> None:
    products = tables.products()
    assert len({p.prefix7 for p in products}) == len({p.gtin14 for p in products}) == len(products) >= 16
    for product in products:
        assert re.fullmatch(r"8\d{6}", product.prefix7) and is_gtin14(product.gtin14)
        assert product.gtin14.startswith("0952"), "GS1's range for demonstrations"
        assert product.vaccine in tables.vaccines()
        assert product.site in tables.sites() and product.route in tables.routes()
        assert (product.route == "PO") == (product.site == "9")
        assert set(product.components) <= tables.components().keys()
        assert product.doses_per_vial > 0 and product.vials_per_package > 0 and product.volume_ml > 0
        assert "synthetic" in product.evidence


def test_a_product_is_found_by_either_code() -> None:
    bcg = tables.product("8900001")
    assert bcg is not None and bcg.vaccine == "0101" and bcg.open_hours == 0.5 and bcg.doses_per_vial == 5
    assert tables.product(bcg.gtin14) == bcg
    assert tables.product("0000000") is None


def test_every_product_can_be_scanned() -> None:
    rules = ScanRules(date(2026, 11, 22))
    for product in tables.products():
        trace = classify(product.prefix7 + "0000000012345", rules)
        assert isinstance(trace, TracePackage) and tables.product(trace.product) == product
        package = classify(f"01{product.gtin14}1728093010A001", rules)
        assert isinstance(package, Package) and tables.product(package.gtin) == product


@pytest.mark.parametrize(
    "text",
    [
        "code,name_zh,name_en,evidence\n1,a,b,c,d\n",
        "code,name_zh,name_en,evidence\n1,a,b\n",
        "code,name_zh,colour,evidence\n1,a,b,c\n",
        '"',
    ],
)
def test_a_damaged_table_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "sites.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as fault:
        tables.read_table(path, tables.Term)
    assert "sites.csv" in say("en", fault.value.code, **fault.value.params)


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        tables.read_table(tmp_path / "gone.csv", tables.Term)
