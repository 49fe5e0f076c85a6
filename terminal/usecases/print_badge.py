"""A badge on paper: its code and whose it is. It proves nothing without the PIN."""

from __future__ import annotations

from config.texts import say
from domain.documents import Document, Qr, Text
from domain.permissions import Permission
from terminal.usecases.desk import Actor, Desk, Outcome, verb
from terminal.usecases.devices import queue_test


@verb(Permission.STAFF_MANAGE)
def print_badge(desk: Desk, actor: Actor, name: str, text: str) -> Outcome[str]:
    """Queue a badge for the slip printer; `text` is what `issue_badge` gave. Gives the printer's name."""
    blocks = (
        Text(desk.settings.clinic.name, align="center"),
        Text(name, size=3, bold=True, align="center"),
        Qr(text, say(desk.settings.language, "slip.badge")),
    )
    return queue_test(desk, actor, Document("list", blocks), "slip")
