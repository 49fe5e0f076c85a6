"""Pictures of the screen, for guides and for the record of a scripted morning."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QApplication, QWidget


def grab(window: QWidget, path: Path) -> None:
    """Save what the window shows as PNG, after everything that waits to be drawn. Raises OSError."""
    QApplication.processEvents()
    path.parent.mkdir(parents=True, exist_ok=True)
    if not window.grab().save(str(path), "PNG"):
        raise OSError(f"cannot write {path}")
