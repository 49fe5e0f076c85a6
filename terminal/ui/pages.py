"""The pages of the window: which there are, who may open them, and what each one is handed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame

from domain.codes import Code
from domain.permissions import Permission, permissions
from drivers.scan import DeviceState, ScanEvent
from terminal.ui.services import Services
from terminal.ui.tasks import Tasks
from terminal.ui.words import Words
from terminal.usecases.desk import Actor, Desk

if TYPE_CHECKING:
    from terminal.ui.work import Work


@dataclass(frozen=True)
class Heard:
    """What a scanner told last: how it is, and when it read a code of which kind and length - never what it said."""

    state: DeviceState | None = None
    detail: str = ""
    scan_at: datetime | None = None
    symbology: str = ""
    length: int = 0


@dataclass(frozen=True)
class House:
    """What every page is handed. `actor` is who sits there now: ask each time, the seat may be handed over.

    `open_child(id)` shows a child on the counter's page. `turn_to(name)` shows another page. `ask_standing()` counts
    anew what is unsent. `scanners` is what each scanner told since the sign-in, by name.
    """

    desk: Desk
    services: Services
    words: Words
    tasks: Tasks
    work: Work
    open_child: Callable[[str], None]
    turn_to: Callable[[str], None]
    ask_standing: Callable[[], None]
    scanners: Callable[[], dict[str, Heard]]

    @property
    def actor(self) -> Actor:
        return self.work.actor


class Page(QFrame):
    """One page. It is made when it is first opened and thrown away at lock and when the seat is handed over."""

    def __init__(self, house: House, title: str) -> None:
        super().__init__()
        self.house = house
        self.setProperty("kind", "page")
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setAccessibleName(house.words(title))

    def start(self) -> None:
        """It comes on the screen: ask for what it shows, start its clocks."""

    def stop(self) -> None:
        """It leaves the screen: no clock runs on."""

    def refresh(self) -> None:
        """Some seconds went by: look anew at what changes by itself. Only the page on the screen is asked."""

    def hear(self, event: ScanEvent) -> bool:  # noqa: ARG002 (the base hears nothing)
        """Whether this page wants the scan as it came, unfinished and garbled ones too: a test of the scanner."""
        return False

    def take(self, code: Code) -> bool:  # noqa: ARG002 (the base takes nothing)
        """Whether this page uses the scanned code itself; any other scan turns to the counter."""
        return False


@dataclass(frozen=True)
class Entry:
    """A line of the rail: its words are `ui.rail.<name>`, its picture `icon`, its key Ctrl and its place.

    `page` is module:class, imported when first opened.
    Shown to who has one of the `rights`; to everybody when there are none.
    """

    name: str
    icon: str
    page: str
    rights: tuple[Permission, ...] = ()

    def allowed(self, grades: tuple[str, ...]) -> bool:
        return not self.rights or bool(permissions(grades) & set(self.rights))

    def make(self, house: House) -> Page:
        """A new page of this kind."""
        module, _, name = self.page.partition(":")
        page = getattr(import_module(module), name)(house)
        assert isinstance(page, Page)
        return page


COUNTER = "counter"
SETTINGS_RIGHTS = (
    Permission.SYSTEM,
    Permission.STAFF_MANAGE,
    Permission.PROGRAMME_APPROVE,
    Permission.AUDIT_READ,
)
ENTRIES = (
    Entry(COUNTER, "counter", "terminal.ui.counter:Counter"),
    Entry("queue", "queue", "terminal.ui.page_queue:QueuePage", (Permission.CHILD_VIEW,)),
    Entry("due", "due", "terminal.ui.page_due:DuePage", (Permission.CHILD_VIEW,)),
    Entry("children", "child", "terminal.ui.page_children:ChildrenPage", (Permission.CHILD_VIEW,)),
    Entry("inbox", "inbox", "terminal.ui.page_inbox:InboxPage", (Permission.CHILD_VIEW,)),
    Entry("stock", "stock", "terminal.ui.page_lots:LotsPage", (Permission.STOCK_RECEIVE, Permission.STOCK_RECALL)),
    Entry("sync", "upload", "terminal.ui.page_sync:SyncPage"),
    Entry("devices", "devices", "terminal.ui.page_devices:DevicesPage"),
    Entry("settings", "settings", "terminal.ui.page_settings:SettingsPage", SETTINGS_RIGHTS),
)
