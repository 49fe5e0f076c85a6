"""Version 4: the waiting room, and the day's visits found by their day."""

SQL = """
-- Who arrived on `day` and was called when; this terminal's own, no fact. `called_at` '' while nobody did.
CREATE TABLE arrival (
    child_id TEXT PRIMARY KEY REFERENCES child(id), day TEXT NOT NULL, arrived_at TEXT NOT NULL, called_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX visit_day ON visit(opened_at);
"""
