"""What the program hands the window: a way to the store thread, and how the rest of the house is."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class Condition:
    """How a printer or the way to the region is. `code` names its text with `params`, "" when there is none to tell."""

    level: Literal["ok", "look", "stop"] = "ok"
    code: str = ""
    params: dict[str, Any] = field(default_factory=dict)


def _nothing() -> None:
    pass


def _silence(_: str) -> None:
    pass


@dataclass(frozen=True)
class Services:
    """All callables are quick and may be called on the main thread; `submit` runs work on the store thread.

    `printer` and `sync` are looked at every second. `wake_printer` after a slip was queued, `wake_sync` after a visit.
    `upload_now` and `back_up_now` when a person asks. `backed_up_at` the moment of the latest backup, None when there
    is none. `printers` is how each printer is, by name; `settings_path` the file the settings came from, if any.
    `key_pressed`: a key ends the time in which a repeated scan counts as one. `sound` begins a tone: ok, stop or look;
    `sounding` says whether tones are muted, and by which program they are played ("" none).
    """

    submit: Callable[..., Future[Any]]
    printer: Callable[[], Condition] = Condition
    sync: Callable[[], Condition] = Condition
    wake_printer: Callable[[], None] = _nothing
    wake_sync: Callable[[], None] = _nothing
    printers: Callable[[], dict[str, Condition]] = dict
    upload_now: Callable[[], None] = _nothing
    back_up_now: Callable[[], None] = _nothing
    backed_up_at: Callable[[], datetime | None] = lambda: None
    key_pressed: Callable[[], None] = _nothing
    sound: Callable[[str], None] = _silence
    sounding: Callable[[], tuple[bool, str]] = lambda: (False, "")
    toggle_sound: Callable[[], None] = _nothing
    settings_path: Path | None = None
