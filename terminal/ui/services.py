"""What the program hands the window: a way to the store thread, and how the rest of the house is."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from domain.errors import SyncError

if TYPE_CHECKING:  # the window opens without the line to the region
    from sync.feed import Found
    from sync.messages import Purpose


@dataclass(frozen=True)
class Condition:
    """How a printer or the way to the region is. `code` names its text with `params`, "" when there is none to tell."""

    level: Literal["ok", "look", "stop"] = "ok"
    code: str = ""
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class FeedState:
    """How the way back from the region is. `code` names its text with `params`: "sync.ok", a fault's code, or "" where
    there is no region. `at` is when it was heard last (UTC text, "" never). Of `total` facts of the load under way
    `remaining` are to come; `total` 0: not known. `first_load`: this PC was never filled to the end; `people_done`: the
    children came, and it can be worked with.
    """

    code: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    at: str = ""
    remaining: int = 0
    total: int = 0
    first_load: bool = False
    people_done: bool = True


def _nothing() -> None:
    pass


def _no_region(kind: str, value: str, purpose: Purpose, actor_code: str) -> Future[Found]:  # noqa: ARG001 (as look_up)
    answer: Future[Found] = Future()
    answer.set_exception(SyncError("sync.no_region", "operator"))
    return answer


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

    `look_up(kind, value, purpose, actor_code)` asks the region for one child, by an identifier or (kind "child") its
    id; the answer comes within two seconds or is a SyncError. `online`: the line to the region was up when last used.
    `feed` is the way back from the region; `hub` the line to the clinic's own hub, its `code` "" where there is none.
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
    look_up: Callable[[str, str, Purpose, str], Future[Found]] = _no_region
    online: Callable[[], bool] = lambda: False
    feed: Callable[[], FeedState] = FeedState
    hub: Callable[[], Condition] = Condition
