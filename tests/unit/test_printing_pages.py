"""The clinic's real papers in both languages, held dot by dot."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image

from config.texts import Language, say
from domain.documents import Document
from domain.slips import SlipDose, VisitFacts, visit_slip
from domain.slips import test_page as page_to_test
from printing import escpos, layout
from printing.paper import Machine
from tests.fakes.printer_slips import RARE

GOLDEN = Path(__file__).parents[1] / "data" / "printing"
DOSES = {
    "zh_CN": SlipDose("乙肝疫苗", 2, "LOT-1", "2027-05-31", "示范生物", "左上臂", "肌内注射", 0.5),
    "en": SlipDose("Hepatitis B vaccine", 2, "LOT-1", "2027-05-31", "Demo Bio", "left arm", "intramuscular", 0.5),
}


def slip(language: Language) -> Document:
    facts = VisitFacts(
        clinic="示范接种门诊",
        desk="1",
        child_name=RARE[:4] + "·艾力",
        sex="2",
        birth_on="2026-05-01",
        child_code="110099010120260001",
        doses=(DOSES[language],),
        given_at="2026-11-22 09:42",
        giver="赵一",
        observe_until="10:12",
        receipt="R0001",
        qr="VXR:1:R0001:X",
        next_on="2026-12-22",
    )
    return visit_slip(facts, partial(say, language))


PAGES = {
    ("visit-zh", 576): slip("zh_CN"),
    ("visit-en", 384): slip("en"),
    ("test-page", 576): page_to_test(partial(say, "zh_CN"), "slip"),
}


@pytest.mark.parametrize(("name", "dots"), PAGES)
def test_a_paper_is_the_same_dot_by_dot(name: str, dots: int) -> None:
    """With UPDATE_GOLDEN=1 the pictures are drawn anew: look at them before committing."""
    picture, path = layout.draw(PAGES[name, dots], dots), GOLDEN / f"{name}.png"
    if os.environ.get("UPDATE_GOLDEN"):
        picture.save(path, optimize=True)
    with Image.open(path) as golden:
        assert golden.size == picture.size
        assert golden.convert("1").tobytes() == picture.tobytes()


@pytest.mark.parametrize(("name", "dots"), PAGES)
def test_the_bytes_are_the_picture_again_and_every_character_can_be_drawn(name: str, dots: int) -> None:
    document = PAGES[name, dots]
    machine = Machine()
    assert layout.check(document) == []
    machine.feed(escpos.render(layout.draw(document, dots)))
    picture = layout.draw(document, dots)
    assert machine.slips[0].picture.crop((0, 0, *picture.size)).tobytes() == picture.tobytes()
    (code,) = zxingcpp.read_barcodes(machine.slips[0].picture.convert("L"))
    assert code.text in ("VXR:1:R0001:X", "VAXDESK TEST 0123456789")
