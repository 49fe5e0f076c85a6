"""JSON lines, rotating: what code says in its own words, codes and counts; nothing of people, no raw scans."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

_ALLOWED = ("sync", "regional", "drivers", "printing", "terminal")


class JsonLine(logging.Formatter):
    """One record a line: time, level, where, what; of an exception its kind and place, never its text."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "from": record.name,
            "says": record.getMessage(),
        }
        if record.exc_info and record.exc_info[0]:
            line["fault"] = record.exc_info[0].__name__
            places = []
            trace = record.exc_info[2]
            while trace:
                places.append(f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}")
                trace = trace.tb_next
            line["where"] = " ".join(places)
        return json.dumps(line, ensure_ascii=False)


def handler(path: Path) -> logging.Handler:
    """A handler that keeps five files of 1 MB and only our own loggers."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = RotatingFileHandler(path, maxBytes=1_000_000, backupCount=5, encoding="utf-8")
    made.setFormatter(JsonLine())
    made.addFilter(lambda record: record.name.split(".")[0] in _ALLOWED)
    return made
