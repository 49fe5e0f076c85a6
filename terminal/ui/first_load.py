"""The first load of a new PC: how much is here, and whether it can be worked with already."""

from __future__ import annotations

from PySide6.QtWidgets import QProgressBar, QWidget

from terminal.ui import parts
from terminal.ui.services import FeedState
from terminal.ui.words import Words


def loaded_percent(feed: FeedState) -> int:
    """How much of the first load is here; 100 is never said before it is over."""
    return min(99, 100 * (feed.total - feed.remaining) // feed.total) if feed.total else 0


def first_load_words(words: Words, feed: FeedState) -> str:
    """How the first load stands, and what can be done meanwhile."""
    code = "ui.sync.first_load_usable" if feed.people_done else "ui.sync.first_load"
    return words(code, percent=loaded_percent(feed))


class FirstLoad(QWidget):
    """Shown while it runs: the words, and a bar that runs without an end while the total is not known."""

    def __init__(self) -> None:
        super().__init__()
        self.bar, self.told = QProgressBar(), parts.text("", "strong", wrap=True)
        self.bar.setTextVisible(False)
        layout = parts.column(self, spacing=6)
        layout.addWidget(self.told)
        layout.addWidget(self.bar)
        self.hide()

    def show_feed(self, words: Words, feed: FeedState) -> None:
        self.setVisible(feed.first_load)
        self.told.setText(first_load_words(words, feed))
        self.bar.setRange(0, 100 if feed.total else 0)
        self.bar.setValue(loaded_percent(feed))
        self.bar.setAccessibleName(self.told.text())
