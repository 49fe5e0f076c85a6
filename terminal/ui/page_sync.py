"""Both ways of the line to the region: what waits and since when, what came back, the hub, the backup, the clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from domain.world import from_utc_text
from terminal.store.sync_view import BatchRow
from terminal.ui import parts, trips
from terminal.ui.exchange_words import missing_words
from terminal.ui.first_load import FirstLoad
from terminal.ui.page_parts import Facts, WorkPage, in_card
from terminal.ui.pages import House
from terminal.ui.services import Condition
from terminal.ui.table_view import Column, Table
from terminal.ui.tokens import GAP
from terminal.usecases.exchange_view import MissingHours
from terminal.usecases.sync_view import SyncView

OLD = timedelta(days=1)  # facts that wait longer need a look
BACKUP_LATE = 2.0  # times the interval of the settings
APART_MS = 5 * 60 * 1000  # between this PC's clock and the region's


class SyncPage(WorkPage):
    """Looked at anew with everything that is saved, and every two seconds."""

    def __init__(self, house: House) -> None:
        super().__init__(house, "ui.sync")
        words = house.words
        self.upload, self.down = Facts(words("ui.sync.line")), Facts(words("ui.sync.down"))
        self.backup = Facts(words("ui.sync.safety"))
        self.first_load = FirstLoad()
        self.missing = parts.text("", "attention", wrap=True)
        self.missing.hide()
        self.down.below.insertWidget(2, self.missing)
        self.down.below.insertWidget(3, self.first_load)
        self.table: Table[BatchRow] = Table(words("ui.sync.batches"), self._columns(), words("ui.sync.no_batches"))
        for left, right, high in ((self.upload, self.down, 0), (in_card(self.table), self.backup, 1)):
            line = parts.row(left, right, spacing=GAP)
            line.setStretch(0, 1)
            line.setStretch(1, 1)
            self.inside.addLayout(line, high)
        self.action("ui.sync.upload", self._upload, "F2", "primary")
        self.action("ui.sync.back_up", self._back_up, "F6")
        self.row.addStretch(1)

    def _columns(self) -> list[Column[BatchRow]]:
        words = self.words
        return [
            Column(words("ui.sync.sealed"), lambda b: self._when(b.sealed_at), 4, key=lambda b: b.sealed_at),
            Column(
                words("ui.sync.facts"),
                lambda b: str(b.last_seq - b.first_seq + 1),
                2,
                key=lambda b: b.last_seq - b.first_seq,
            ),
            Column(
                words("ui.sync.size"),
                lambda b: words("ui.sync.kb", size=f"{b.size / 1000:.1f}"),
                2,
                key=lambda b: b.size,
            ),
            Column(
                words("ui.sync.state"), self._state, 5, lambda b: "ok" if b.acked_at else "warn", lambda b: b.acked_at
            ),
        ]

    def _state(self, batch: BatchRow) -> str:
        if not batch.acked_at:
            return self.words("ui.sync.waits")
        return self.words("ui.sync.has_it", when=self._when(batch.acked_at))

    def _when(self, at: str | datetime | None) -> str:
        if not at:
            return self.words("ui.never")
        moment = from_utc_text(at) if isinstance(at, str) else at
        return self.words.moment(moment.astimezone(self.house.desk.world.zone), self.house.desk.today())

    def start(self) -> None:
        self.table.setFocus()
        self.refresh()

    def refresh(self) -> None:
        self.ask(trips.sync, self._show, self.house.desk)

    def _show(self, both: tuple[SyncView, Sequence[MissingHours]]) -> None:
        view, missing = both
        self.missing.setText("\n".join(missing_words(self.words, one) for one in missing))
        self.missing.setVisible(bool(missing))
        words, now = self.words, self.house.desk.world.now()
        unsent = view.unsent
        old = bool(unsent.oldest_at) and now - from_utc_text(unsent.oldest_at) > OLD
        offset = view.line.offset_ms
        far = offset is not None and abs(offset) > APART_MS
        self.upload.show_facts(
            (
                words("ui.sync.unsent"),
                words("ui.sync.unsent_facts", count=unsent.events),
                "look" if unsent.events else "ok",
            ),
            (words("ui.sync.oldest"), self._when(unsent.oldest_at) if unsent.oldest_at else "—", "stop" if old else ""),
            (words("ui.sync.last_receipt"), self._when(unsent.last_ack_at), "" if unsent.last_ack_at else "look"),
            (words("ui.sync.safe"), f"{view.line.safe_upto} / {view.line.facts}", ""),
            (words("ui.sync.said"), self._said(view), "ok" if view.code == "sync.ok" else "look"),
        )
        self._show_down()
        condition = self.house.services.sync()
        made_at = self.house.services.backed_up_at()
        hours = self.house.desk.settings.backup.every_h
        late = made_at is None or now - made_at > timedelta(hours=BACKUP_LATE * hours)
        trouble = words(condition.code, **condition.params) if condition.code and condition.code != view.code else "—"
        self.backup.show_facts(
            (words("ui.sync.last_backup"), self._when(made_at), "look" if late else "ok"),
            (words("ui.sync.trouble"), trouble, condition.level if trouble != "—" else ""),
            (words("ui.sync.clock"), self._offset(offset), "stop" if far else ""),
            (words("ui.sync.terminal"), view.line.terminal_id, ""),
        )
        self.table.show_lines(view.batches)

    def _show_down(self) -> None:
        """What comes back: from the region, and from the clinic's other desks."""
        words, feed, hub = self.words, self.house.services.feed(), self.house.services.hub()
        online = self.house.services.online()
        facts = [
            (words("ui.sync.now"), words("ui.sync.online" if online else "ui.sync.offline"), "ok" if online else "look")
        ]
        if feed.code:
            to_come = words("ui.sync.unsent_facts", count=feed.remaining)
            facts += [
                (words("ui.sync.heard"), self._when(feed.at), "" if feed.at else "look"),
                (words("ui.sync.to_come"), to_come if feed.remaining else words("ui.sync.feed_ok"), ""),
            ]
            if feed.code != "sync.ok":
                facts.append((words("ui.sync.said"), words(feed.code, **feed.params), "look"))
        alone = words("ui.sync.no_hub")
        facts.append((words("ui.sync.hub"), words(hub.code, **hub.params) if hub.code else alone, _tone(hub)))
        self.down.show_facts(*facts)
        self.first_load.show_feed(words, feed)

    def _said(self, view: SyncView) -> str:
        """The last answer in words: what happened, what to do."""
        told = self.words(view.code, **view.params)
        return f"{told} ({self._when(view.at)})" if view.at else told

    def _offset(self, offset_ms: int | None) -> str:
        if offset_ms is None:
            return self.words("ui.sync.clock_unknown")
        seconds = abs(offset_ms) // 1000
        if seconds < 1:
            return self.words("ui.sync.clock_right")
        code = "ui.sync.clock_slow" if offset_ms > 0 else "ui.sync.clock_fast"
        return self.words(code, minutes=seconds // 60, seconds=seconds % 60)

    def _upload(self) -> None:
        self.house.services.upload_now()
        self.say(self.words("ui.sync.uploading"))
        self.house.ask_standing()

    def _back_up(self) -> None:
        self.house.services.back_up_now()
        self.say(self.words("ui.sync.backing_up"))


def _tone(hub: Condition) -> str:
    return hub.level if hub.code else ""
