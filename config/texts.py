"""Everything an operator reads, in both languages: gettext catalogues under config/locale, one msgid a code.

`make` compiles the .po files that people write to the .mo files that the program reads.
"""

from __future__ import annotations

import gettext
import os
from functools import cache
from pathlib import Path
from typing import Any, Literal

Language = Literal["zh_CN", "en"]
LANGUAGES: tuple[Language, ...] = ("zh_CN", "en")
DOMAIN = "vaxdesk"
FOLDER = Path(__file__).with_name("locale")


def catalogue(language: Language) -> Path:
    """Where a language's texts are written."""
    return FOLDER / language / "LC_MESSAGES" / f"{DOMAIN}.po"


@cache
def _texts(language: Language) -> gettext.NullTranslations:
    return gettext.translation(DOMAIN, FOLDER, [language])


def say(language: Language, code: str, /, **params: Any) -> str:
    """The text of `code` with its parameters filled in. A missing code is our mistake: KeyError."""
    text = _texts(language).gettext(code)
    if text == code:
        raise KeyError(code)
    return text.format_map(params)


def speak_throughout(language: Language) -> None:
    """Let what asks gettext itself, the standard library's argparse, speak the language too. Of the whole process."""
    os.environ["LANGUAGE"] = language
    gettext.bindtextdomain("argparse", FOLDER)
    gettext.textdomain("argparse")


@cache
def table() -> dict[str, dict[str, str]]:
    """code -> language -> text with {params}."""
    # GNUTranslations keeps its messages to itself, under a name that has not changed since Python 2
    texts = {language: vars(_texts(language))["_catalog"] for language in LANGUAGES}
    return {code: {language: texts[language][code] for language in LANGUAGES} for code in texts["en"] if code}
