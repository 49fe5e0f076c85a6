"""Documents the region published: of each name the newest in force counts; one that cannot be used changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from domain.errors import ConfigError

T = TypeVar("T")


@dataclass(frozen=True)
class Document:
    """What was published under a name, in force from a day on; `version` is the SHA-256 of the content."""

    name: str
    version: str
    effective_on: date
    content: bytes


@dataclass(frozen=True)
class Refused:
    """A document in force that cannot be used, and why."""

    name: str
    effective_on: date
    detail: str


def newest(
    documents: Sequence[Document], day: date, use: Callable[[Document], T]
) -> tuple[T | None, tuple[Refused, ...]]:
    """What `use` makes of the newest document in force on a day that it does not refuse (ConfigError), None without;
    and those newer ones it refused. `documents` of one name, as they come into force."""
    refused: list[Refused] = []
    for document in reversed([one for one in documents if one.effective_on <= day]):
        try:
            return use(document), tuple(refused)
        except ConfigError as fault:
            refused.append(Refused(document.name, document.effective_on, str(fault.params["detail"])))
    return None, tuple(refused)
