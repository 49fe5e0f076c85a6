"""What is to be given today, a card each, in the order to give; the one of the package in hand is framed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QWidget

from config import tables
from domain.doses import Dose
from domain.events import DoseGiven
from domain.schedule.page import Next, Page
from domain.schedule.plan import Plan
from terminal.store.doses import NotGiven
from terminal.ui import parts
from terminal.ui import schedule_words as told
from terminal.ui.tokens import BODY_PX, COLOURS
from terminal.ui.words import Words

CARD_PX, CARD_HIGH_PX, MORE_PX, SPACE = 184, 86, 64, 10
FEWEST = 3  # places in a row, so that one card is not as wide as the screen
_EDGES = {"ok": "ok", "look": "warn", "stop": "bad"}
_CHIPS = {
    "": ("ok", "ok_tint"),
    "look": ("warn", "warn_tint"),
    "stop": ("bad", "bad_tint"),
    "plain": ("muted", "grey_tint"),
}


@dataclass(frozen=True)
class Face:
    """What a card says. `tone` frames it; `chip_tone` colours the word at its corner."""

    title: str
    chip: str
    chip_tone: str
    lines: tuple[str, str]
    tone: str = ""
    line: Next | None = None


class _Card(QWidget):
    """Drawn in one go: a row of cards made of labels would cost more than the rest of the screen."""

    def __init__(self, face: Face, pressed: Callable[[Next], None]) -> None:
        super().__init__()
        self._face, self._pressed = face, pressed
        self.setMinimumHeight(CARD_HIGH_PX)
        self.setAccessibleName(" · ".join(filter(None, [face.title, face.chip, *face.lines])))
        self.setToolTip("\n".join([face.title, *face.lines]))
        if face.line:
            self.setCursor(Qt.CursorShape.PointingHandCursor)

    def sizeHint(self) -> QSize:
        return QSize(CARD_PX, CARD_HIGH_PX)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002 (Qt's signature)
        face, painter = self._face, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        edge, width = (_EDGES[face.tone], 2.0) if face.tone in _EDGES else ("line", 1.0)
        painter.setPen(QPen(QColor(COLOURS[edge]), width))
        painter.setBrush(QColor(COLOURS["surface"]))
        half = width / 2
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(half, half, -half, -half), 12, 12)
        inside = self.rect().adjusted(14, 10, -14, -9)
        left = self._chip(painter, inside)
        line = inside.height() // 3
        title = QRect(inside.left(), inside.top(), left - inside.left() - 6, line)
        self._words(painter, title, face.title, BODY_PX, "ink", strong=True)
        for at, words in enumerate(face.lines, 1):
            place = QRect(inside.left(), inside.top() + at * line + 2, inside.width(), line)
            self._words(painter, place, words, 13, "muted")

    def _chip(self, painter: QPainter, inside: QRect) -> int:
        """The word at the corner; gives its left edge."""
        ink, tint = _CHIPS.get(self._face.chip_tone, _CHIPS[""])
        painter.setFont(_font(self.font(), 13))
        wide = painter.fontMetrics().horizontalAdvance(self._face.chip) + 20
        place = QRect(inside.right() - wide + 1, inside.top(), wide, 21)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(COLOURS[tint]))
        painter.drawRoundedRect(place, 10, 10)
        painter.setPen(QColor(COLOURS[ink]))
        painter.drawText(place, int(Qt.AlignmentFlag.AlignCenter), self._face.chip)
        return place.left()

    def _words(self, painter: QPainter, place: QRect, words: str, px: int, colour: str, strong: bool = False) -> None:
        painter.setFont(_font(self.font(), px, strong))
        painter.setPen(QColor(COLOURS[colour]))
        cut = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, place.width())
        painter.drawText(place, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), cut)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._face.line and self.rect().contains(event.position().toPoint()):
            self._pressed(self._face.line)


def _font(like: QFont, px: int, strong: bool = False) -> QFont:
    font = QFont(like)
    font.setPixelSize(px)
    font.setWeight(QFont.Weight.DemiBold if strong else QFont.Weight.Normal)
    return font


class DueCards(QWidget):
    """Cards that do not fit fold behind "+2"; pressing it shows them all. `pressed(next)` tells of one touched."""

    def __init__(self, words: Words, plan: Plan, pressed: Callable[[Next], None]) -> None:
        super().__init__()
        self._words, self._plan, self._pressed = words, plan, pressed
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(SPACE)
        self.faces: list[Face] = []  # in order, folded ones too
        self._built: object = None
        self._all = False
        self.setAccessibleName(words("ui.due"))

    def show_due(
        self,
        page: Page | None,
        birth_on: str,
        today: date,
        given: Sequence[Dose] = (),
        hand: DoseGiven | None = None,
        tone: str = "",
        not_given: Sequence[NotGiven] = (),
    ) -> None:
        """The cards of a child's page: in hand first, then due, then given in this visit. None: nobody."""
        held = self._plan.groups_of(hand.vaccine, today) if hand else frozenset()
        due = page.due if page else ()
        mine = [n for n in due if n.group in held]
        faces = [self._due(n, birth_on, today, tone if n in mine else "", not_given) for n in due]
        faces.sort(key=lambda face: face.tone == "")
        if hand and not mine:
            faces.insert(0, self._dose(hand.vaccine, hand.dose_no, hand.site, hand.route, "hand", tone))
        faces += [self._dose(d.vaccine, d.dose_no, d.facts["site"], d.facts["route"], "given", "") for d in given]
        if faces != self.faces:
            self._all = False
            self.faces = faces
        self._build()
        self.setVisible(bool(faces))

    def _due(self, line: Next, birth_on: str, today: date, tone: str, not_given: Sequence[NotGiven]) -> Face:
        words = self._words
        last = [n for n in not_given if line.group in self._plan.groups_of(n.vaccine, today)][-1:]
        since = told.since_words(words, line, today)
        age = words.age(birth_on, line.recommended_on) if line.recommended_on else ""
        chip, chip_tone = told.due_words(words, line, today), "look" if line.standing == "overdue" else ""
        second = self._where(line, today)
        for one in last:  # what was said last time stands until the dose is given
            chip, chip_tone = words(f"ui.defer.{one.outcome}"), "look"
            second = " · ".join(filter(None, [one.until and words("ui.due.until", day=one.until), one.reason]))
        return Face(
            told.group_name(words, line),
            chip,
            chip_tone,
            (f"{told.dose_place(words, line)} · {since or age}", second),
            tone,
            line,
        )

    def _where(self, line: Next, today: date) -> str:
        """Site, route and volume of the clinic's own product for it, as it will be offered."""
        words = self._words
        fits = (p for p in tables.products() if self._plan.vaccine(p.vaccine, today) in line.vaccines)
        product = next(fits, None)
        if product is None:
            return words("ui.due.not_here")
        route = words.short_route(product.route)
        volume = words("ui.package.volume", volume=f"{product.volume_ml:g}")
        return words("ui.due.between").join(filter(None, [words.site(product.site), route, volume]))

    def _dose(self, vaccine: str, number: int, site: str, route: str, state: str, tone: str) -> Face:
        words = self._words
        where = [words.site(site), words.short_route(route)]
        return Face(
            words.short(vaccine),
            words(f"ui.visit.dose_{state}"),
            tone if state == "hand" else "plain",
            (words("ui.history.dose", number=number), " · ".join(filter(None, where))),
            tone,
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._build()

    def _build(self) -> None:
        """As many in a row as fit."""
        fit = max(1, (self.width() + SPACE) // (CARD_PX + SPACE))
        folded = not self._all and len(self.faces) > fit
        whole = max(1, (self.width() - MORE_PX) // (CARD_PX + SPACE)) if folded else len(self.faces)
        stands = (tuple(self.faces), fit, whole)
        if stands == self._built:
            return
        self._built = stands
        parts.clear(self._grid)
        for column in range(self._grid.columnCount()):
            self._grid.setColumnStretch(column, 0)
        columns = whole + 1 if folded else min(fit, max(len(self.faces), FEWEST))
        for at, face in enumerate(self.faces[:whole]):
            self._grid.addWidget(_Card(face, self._pressed), at // columns, at % columns)
        for column in range(whole if folded else columns):
            self._grid.setColumnStretch(column, 1)
        if folded:
            rest = self.faces[whole:]
            more = parts.Button(f"+{len(rest)}", self._unfold, kind="quiet")
            more.setFixedWidth(MORE_PX - SPACE)
            more.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
            more.setToolTip("\n".join(face.title for face in rest))
            more.setAccessibleName(self._words("ui.due.more", count=len(rest)))
            self._grid.addWidget(more, 0, whole)

    def _unfold(self) -> None:
        self._all = True
        self._built = None
        self._build()
