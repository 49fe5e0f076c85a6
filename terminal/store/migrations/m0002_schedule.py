"""Version 2: what is due next as dates beside the record, and who approved which edition of a programme."""

SQL = """
-- When a condition of the child was seen.
ALTER TABLE alert ADD COLUMN seen_on TEXT NOT NULL DEFAULT '';

-- Reckoned from the record, never a fact: the next dose of each vaccine group that asks for one, but no self-paid one
-- that is not begun. No date is ''.
CREATE TABLE forecast (
    child_id TEXT NOT NULL REFERENCES child(id), vaccine_group TEXT NOT NULL, pos INTEGER NOT NULL,
    name_zh TEXT NOT NULL, name_en TEXT NOT NULL, self_paid INTEGER NOT NULL,
    dose_no INTEGER NOT NULL, doses INTEGER NOT NULL, vaccines TEXT NOT NULL,
    earliest_on TEXT NOT NULL, recommended_on TEXT NOT NULL, past_due_on TEXT NOT NULL, latest_on TEXT NOT NULL,
    PRIMARY KEY (child_id, vaccine_group)
) STRICT, WITHOUT ROWID;
-- By which plan and on which day a child was reckoned, and how many facts there were then.
CREATE TABLE reckoning (
    child_id TEXT PRIMARY KEY REFERENCES child(id), plan TEXT NOT NULL, edition TEXT NOT NULL,
    assessed_on TEXT NOT NULL, event_no INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Which data a physician answers for; changed data need another approval.
CREATE TABLE approval (
    no INTEGER PRIMARY KEY, programme TEXT NOT NULL, edition TEXT NOT NULL, digest TEXT NOT NULL,
    physician TEXT NOT NULL, staff TEXT NOT NULL, at TEXT NOT NULL
) STRICT;
CREATE TRIGGER approval_kept BEFORE UPDATE ON approval BEGIN SELECT RAISE(ABORT, 'an approval is never changed'); END;
CREATE TRIGGER approval_held BEFORE DELETE ON approval BEGIN SELECT RAISE(ABORT, 'an approval is never deleted'); END;
"""
