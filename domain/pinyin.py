"""How a name sounds, and how a name, a phone or a number is found while typing.

One reading a character, since names are not words: pypinyin without its phrases (13 MiB instead of 57), with a
table of surnames in front of it. The search text and the query are made for SQLite FTS5, tokenizer unicode61.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import Any

# Surnames, and characters in given names, read otherwise than by the reading pypinyin takes first.
SURNAMES = {
    "单": "shan", "曾": "zeng", "仇": "qiu", "解": "xie", "区": "ou", "查": "zha", "盖": "ge", "乐": "yue",
    "缪": "miao", "朴": "piao", "覃": "qin", "员": "yun", "种": "chong", "翟": "zhai", "秘": "bi", "折": "she",
    "洗": "xian", "祭": "zhai", "繁": "po", "都": "du", "隗": "wei", "乜": "nie", "么": "yao", "牟": "mu", "阚": "kan",
    "句": "gou", "召": "shao", "黑": "he", "佴": "nai", "长孙": "zhang sun",
    "尉迟": "yu chi", "万俟": "mo qi", "澹台": "tan tai", "单于": "chan yu",
}  # fmt: skip
GIVEN = {"长": "chang", "晟": "sheng", "莘": "xin", "仔": "zi"}

_HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\ue000-\uf8ff\U00020000-\U0003ffff"
_RUNS = re.compile(f"[{_HAN}]+|(?:(?![{_HAN}])[^\\W_])+")
_IS_HAN = re.compile(f"[{_HAN}]")
_IN_NUMBER = re.compile(r"(?<=\d)[\s-]+(?=\d)")
_LONGEST_QUERY, _MOST_TERMS = 64, 8


def spell(name: str) -> str:
    """The name in pinyin without tones, a syllable a character: "wang zi han". Latin words stay, in lower case.

    ü is v as input methods have it. A character without a known reading is its code point, "u2ebf0".
    """
    return " ".join(_syllables(name))


def initials(name: str) -> str:
    """The first letter of each syllable: "wzh"."""
    return "".join(syllable[0] for syllable in _syllables(name))


def search_text(name: str, phones: Iterable[str] = (), identifiers: Iterable[str] = ()) -> str:
    """All that a person is found by, as one FTS5 text.

    Characters one by one; pinyin and initials from each syllable on, so that a given name is found without its
    surname; a surname of two readings under both; phones whole and by their last four digits; identifiers.
    """
    tokens: list[str] = []
    for run in _runs(name):
        tokens.extend(run if _IS_HAN.match(run) else [run])
    for syllables in dict.fromkeys((tuple(_syllables(name)), tuple(_syllables(name, as_name=False)))):
        tokens += ["".join(syllables[at:]) for at in range(len(syllables))]
        tokens += ["".join(syllable[0] for syllable in syllables[at:]) for at in range(len(syllables))]
    for phone in phones:
        digits = "".join(_runs(phone))
        tokens += [digits, digits[-4:]]
    for identifier in identifiers:
        parts = _runs(identifier)
        tokens += [*parts, "".join(parts)]
    return " ".join(token for token in tokens if token)


def search_query(typed: str) -> str:
    """The FTS5 MATCH expression for what was typed; "" when there is nothing to search.

    Chinese characters must follow one another; letters and digits are beginnings. Every term is quoted, and only
    letters and digits come into the quotes, so that nothing typed is read as FTS5 syntax.
    """
    runs = _runs(_IN_NUMBER.sub("", typed[:_LONGEST_QUERY]))[:_MOST_TERMS]
    return " AND ".join(f'"{" ".join(run)}"' if _IS_HAN.match(run) else f'"{run}"*' for run in runs)


def _runs(text: str) -> list[str]:
    """Runs of Chinese characters and runs of other letters and digits, folded; all else only separates."""
    return _RUNS.findall(unicodedata.normalize("NFKC", text).casefold())


def _syllables(name: str, as_name: bool = True) -> list[str]:
    """One syllable a character, one a Latin word; `as_name` False for pypinyin's own readings."""
    syllables: list[str] = []
    for position, run in enumerate(_runs(name)):
        if not _IS_HAN.match(run):
            syllables.append(run)
            continue
        read = _pypinyin().lazy_pinyin(run, errors=_code_points)
        if as_name:
            surname = next((run[:n] for n in (2, 1) if position == 0 and run[:n] in SURNAMES), "")
            given = [GIVEN.get(character, reading) for character, reading in zip(run, read, strict=True)]
            read = SURNAMES.get(surname, read[0]).split() + given[max(len(surname), 1) :]
        syllables += read
    return syllables


def _code_points(characters: str) -> list[str]:
    return [f"u{ord(character):x}" for character in characters]


@cache
def _pypinyin() -> Any:
    """pypinyin, imported at the first name: most starts need none."""
    os.environ.setdefault("PYPINYIN_NO_PHRASES", "true")
    os.environ.setdefault("PYPINYIN_NO_DICT_COPY", "true")
    import pypinyin  # noqa: PLC0415 (the variables above must be set first)

    return pypinyin
