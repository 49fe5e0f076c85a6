"""Everything an operator reads, in both languages: config/texts.toml, one entry a code."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Literal

Language = Literal["zh_CN", "en"]
LANGUAGES: tuple[Language, ...] = ("zh_CN", "en")
PATH = Path(__file__).with_name("texts.toml")


@cache
def table() -> dict[str, dict[str, str]]:
    """code -> language -> text with {params}."""
    with PATH.open("rb") as file:
        return tomllib.load(file)


def say(language: Language, code: str, /, **params: Any) -> str:
    """The text of `code` with its parameters filled in. A missing code is our mistake: KeyError."""
    return table()[code][language].format_map(params)
