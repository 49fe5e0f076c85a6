from functools import partial
from typing import Any

import msgspec
import pytest

from config.texts import LANGUAGES, Language, say
from domain.documents import Document, Pair, Qr, Rule, Text
from domain.slips import SlipDose, VisitFacts, reprint, visit_slip
from domain.slips import test_page as page_to_test

DOSES = (
    SlipDose("乙肝疫苗", 2, "LOT-1", "2027-05-31", "Maker One", "左上臂", "肌内注射", 0.5),
    SlipDose("卡介苗", 1, lot_no="LOT-2"),
)
FACTS = VisitFacts(
    clinic="示范接种门诊",
    desk="1",
    child_name="𬭊·艾力",
    sex="1",
    birth_on="2026-05-01",
    child_code="110099010120260001",
    doses=DOSES,
    given_at="2026-11-22 09:42",
    giver="赵一",
    observe_until="10:12",
    receipt="R0001",
    qr="VXR:1:R0001:X",
)


def values(document: Document) -> list[str]:
    return [block.value for block in document.blocks if isinstance(block, Pair)]


def texts(document: Document) -> dict[str, Text]:
    return {block.text: block for block in document.blocks if isinstance(block, Text)}


def slip(language: Language = "zh_CN", **changes: Any) -> Document:
    return visit_slip(msgspec.structs.replace(FACTS, **changes), partial(say, language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_slip_tells_all_doses_of_the_visit(language: Language) -> None:
    document = slip(language)
    told = values(document)
    for value in ("2026-05-01", "110099010120260001", "LOT-1", "2027-05-31", "Maker One", "左上臂 肌内注射", "LOT-2"):
        assert value in told
    assert [value for value in told if "0.5" in value]
    assert [text for text in texts(document) if "乙肝疫苗" in text and "2" in text]
    assert sum(isinstance(block, Rule) for block in document.blocks) == len(DOSES) + 1


def test_name_and_end_of_observation_are_the_largest() -> None:
    large = [text for text, block in texts(slip()).items() if block.size == 3]
    assert large == ["𬭊·艾力", "10:12"]


def test_what_is_not_known_leaves_no_empty_line() -> None:
    document = slip(doses=(SlipDose("卡介苗", 1),), child_code="", giver="")
    assert all(values(document))
    assert len(values(document)) == len(values(slip(doses=(), child_code="", giver="")))


def test_a_newborn_without_a_name_is_called_so() -> None:
    assert say("zh_CN", "slip.newborn") in texts(slip(child_name=""))


def test_next_date_and_notice_show_when_there_are_any() -> None:
    document = slip(next_on="2026-12-22", notice="演示版，不作凭证")
    assert "2026-12-22" in values(document)
    assert isinstance(document.blocks[-1], Text) and document.blocks[-1].text == "演示版，不作凭证"
    assert document.blocks[:-1] != slip().blocks and isinstance(slip().blocks[-1], Qr)


def test_the_qr_code_carries_what_it_was_given_and_the_number_below() -> None:
    (code,) = (block for block in slip().blocks if isinstance(block, Qr))
    assert code.data == FACTS.qr and FACTS.receipt in code.caption


def test_a_reprint_is_the_same_paper_marked_with_its_number() -> None:
    document = slip()
    copy = reprint(document, 2, partial(say, "zh_CN"))
    assert (document.copy_no, document.reprint_label) == (0, "")
    assert (copy.copy_no, copy.blocks) == (2, document.blocks)
    assert copy.reprint_label == "补打 REPRINT 2"


@pytest.mark.parametrize("language", LANGUAGES)
def test_papers_survive_the_print_queue(language: Language) -> None:
    for document in (slip(language), page_to_test(partial(say, language), "slip printer")):
        assert msgspec.json.decode(msgspec.json.encode(document), type=Document) == document


def test_the_test_page_names_the_printer_and_shows_all_sizes_and_a_code() -> None:
    document = page_to_test(partial(say, "en"), "slip printer")
    assert document.kind == "test" and "slip printer" in values(document)
    assert {block.size for block in texts(document).values()} == {1, 2, 3}
    assert any(isinstance(block, Qr) for block in document.blocks)
