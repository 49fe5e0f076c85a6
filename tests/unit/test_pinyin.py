import sqlite3
import subprocess
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.pinyin import initials, search_query, search_text, spell

PEOPLE = {
    "han": search_text("王子涵", ["199-0000-1234"], ["BJ-0012345", "990000202401011231"]),
    "shan": search_text("单雄信", ["19900005678"]),
    "yuchi": search_text("尉迟敬德"),
    "aili": search_text("买买提·艾力"),
    "rare": search_text("𬭊𬍛㛃"),
    "anna": search_text("Anna Müller"),
    "newborn": search_text("", ["01088880000"]),
}


@pytest.fixture(scope="module")
def index() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE found USING fts5(id UNINDEXED, text, prefix='1 2 3 4')")
    connection.executemany("INSERT INTO found VALUES (?, ?)", PEOPLE.items())
    yield connection
    connection.close()


def found(index: sqlite3.Connection, typed: str) -> set[str]:
    query = search_query(typed)
    rows = index.execute("SELECT id FROM found WHERE text MATCH ?", (query,)) if query else ()
    return {row[0] for row in rows}


@pytest.mark.parametrize(
    ("name", "pinyin", "letters"),
    [
        ("王子涵", "wang zi han", "wzh"),
        ("单雄信", "shan xiong xin", "sxx"),
        ("曾乐", "zeng le", "zl"),
        ("乐莘", "yue xin", "yx"),
        ("莘乐", "shen le", "sl"),
        ("尉迟敬德", "yu chi jing de", "ycjd"),
        ("欧阳娜娜", "ou yang na na", "oynn"),
        ("吕长生", "lv chang sheng", "lcs"),
        ("买买提·艾力", "mai mai ti ai li", "mmtal"),
        ("Anna 王", "anna wang", "aw"),
        ("ＡＮＮＡ", "anna", "a"),
        ("\U0002ebf0", "u2ebf0", "u"),
        ("", "", ""),
    ],
)
def test_a_name_is_spelled(name: str, pinyin: str, letters: str) -> None:
    assert (spell(name), initials(name)) == (pinyin, letters)


@pytest.mark.parametrize(
    ("typed", "people"),
    [
        ("王子涵", {"han"}),
        ("子涵", {"han"}),
        ("王", {"han"}),
        ("王涵", set()),  # characters must follow one another
        ("wzh", {"han"}),
        ("zh", {"han"}),
        ("WangZi", {"han"}),
        ("zihan", {"han"}),
        ("wang han", {"han"}),
        ("王zh", {"han"}),
        ("1990000", {"han", "shan"}),
        ("199 0000 1234", {"han"}),
        ("1234", {"han"}),
        ("bj-00123", {"han"}),
        ("BJ0012345", {"han"}),
        ("990000202401", {"han"}),
        ("shan", {"shan"}),
        ("dan", {"shan"}),  # the usual reading of 单 finds him too
        ("尉迟", {"yuchi"}),
        ("买买提艾力", {"aili"}),
        ("买买提・艾力", {"aili"}),
        ("aili", {"aili"}),
        ("𬍛", {"rare"}),
        ("müll", {"anna"}),
        ("0000", {"newborn"}),
        ("nobody", set()),
        ("", set()),
        (" ·-'\"*() ", set()),
    ],
)
def test_what_a_nurse_types_finds(index: sqlite3.Connection, typed: str, people: set[str]) -> None:
    assert found(index, typed) == people


@pytest.mark.parametrize(
    "typed", ['王" OR "单', "NEAR(a b)", "text: a", "-王", "^王", "a OR b", "{text}:王", "'; DROP", "a*b"]
)
def test_fts_syntax_is_only_text(index: sqlite3.Connection, typed: str) -> None:
    assert found(index, typed) <= {"han"}


@given(st.text(max_size=80))
def test_anything_typed_is_a_valid_query(index: sqlite3.Connection, typed: str) -> None:
    found(index, typed)


@given(st.text(max_size=20))
def test_any_name_is_found_by_itself_and_its_initials(name: str) -> None:
    with sqlite3.connect(":memory:") as connection:
        connection.execute("CREATE VIRTUAL TABLE found USING fts5(id UNINDEXED, text)")
        connection.execute("INSERT INTO found VALUES ('it', ?)", (search_text(name),))
        for typed in filter(search_query, (name, initials(name)[:8])):
            assert found(connection, typed) == {"it"}
    connection.close()


def test_pypinyin_comes_late_and_without_its_phrases() -> None:
    program = (
        "import sys, domain.pinyin as p\n"
        "assert 'pypinyin' not in sys.modules\n"
        "p.spell('王')\n"
        "assert 'pypinyin' in sys.modules and 'pypinyin.phrases_dict' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
