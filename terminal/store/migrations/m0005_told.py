"""Version 5: what others told - facts, advice, documents - and which records are of one child."""

SQL = """
-- Facts heard from the region, the clinic's hub or with a child looked up. `stored` is NULL when it is one of ours, in
-- `event`. `other` is the second child of a move or merge, or the dose a use of stock is of. `region` and `hub`: 0 when
-- not heard that way, else twice the reading it was last heard in (a reading ends by starting over), plus 1 unless it
-- was told only beside ("also"). `done` 0: a row it speaks of is not here yet.
CREATE TABLE told (
    no INTEGER PRIMARY KEY AUTOINCREMENT, terminal_id TEXT NOT NULL, event_id TEXT NOT NULL, clinic TEXT NOT NULL,
    kind TEXT NOT NULL, subject TEXT NOT NULL, other TEXT NOT NULL, hlc TEXT NOT NULL,
    region INTEGER NOT NULL, hub INTEGER NOT NULL, done INTEGER NOT NULL, stored BLOB,
    UNIQUE (event_id, terminal_id)
) STRICT;
CREATE INDEX told_subject ON told(subject);
CREATE INDEX told_waits ON told(subject) WHERE done = 0;
CREATE INDEX told_waits_other ON told(other) WHERE done = 0 AND other <> '';
CREATE TRIGGER told_kept BEFORE UPDATE OF terminal_id, event_id, clinic, kind, subject, hlc, stored ON told
BEGIN SELECT RAISE(ABORT, 'a fact is never changed'); END;

-- What a person should know or answer; settled here by a person of this desk, who said why.
CREATE TABLE matter (
    key TEXT PRIMARY KEY, code TEXT NOT NULL, child_id TEXT NOT NULL, params TEXT NOT NULL, at TEXT NOT NULL,
    settled_at TEXT NOT NULL, settled_by TEXT NOT NULL, settled_why TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Two records of one child, by the fact that merged them; `other` '' while only the end is known, `ended_by` the fact
-- that unmerged them. `child.head` is the record that goes on, '' for that record itself and for one never merged.
CREATE TABLE link (
    id TEXT PRIMARY KEY, child_id TEXT NOT NULL, other TEXT NOT NULL, at TEXT NOT NULL, actor TEXT NOT NULL,
    reason TEXT NOT NULL, ended_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX link_child ON link(child_id);
CREATE INDEX link_other ON link(other);
ALTER TABLE child ADD COLUMN head TEXT NOT NULL DEFAULT '';
CREATE INDEX child_head ON child(head) WHERE head <> '';

-- The clinic a child left this one for, '?' when that is not known; '' while the child is in the clinic's scope.
ALTER TABLE child ADD COLUMN left_for TEXT NOT NULL DEFAULT '';

-- Corrections asked of the clinic of a dose, by it of us or by us of it. `fields` field -> proposed.
CREATE TABLE request (
    id TEXT PRIMARY KEY, dose_id TEXT NOT NULL, child_id TEXT NOT NULL, asked_by TEXT NOT NULL, asked_at TEXT NOT NULL,
    reason TEXT NOT NULL, due TEXT NOT NULL, fields TEXT NOT NULL, outcome TEXT NOT NULL, answer TEXT NOT NULL,
    answered_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX request_dose ON request(dose_id);

-- Documents everybody works by, each publication.
CREATE TABLE reference (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, version TEXT NOT NULL, effective_on TEXT NOT NULL,
    published_at TEXT NOT NULL, content BLOB NOT NULL
) STRICT;

-- A lot that two desks received, each under its own id.
CREATE TABLE lot_alias (id TEXT PRIMARY KEY, lot_id TEXT NOT NULL REFERENCES lot(id)) STRICT, WITHOUT ROWID;

-- Why a lot stands in the region's list of recalled lots, '' when it does not; `recalled` is the clinic's own word.
ALTER TABLE lot ADD COLUMN listed TEXT NOT NULL DEFAULT '';

-- Another desk's visit ('' is this one's), another clinic's dose ('' is ours), the clock of a change.
ALTER TABLE visit ADD COLUMN terminal TEXT NOT NULL DEFAULT '';
ALTER TABLE dose ADD COLUMN told_by TEXT NOT NULL DEFAULT '';
ALTER TABLE dose_change ADD COLUMN hlc TEXT NOT NULL DEFAULT '';
DROP TRIGGER dose_change_kept;
UPDATE dose_change SET hlc = coalesce(
    (SELECT json_extract(CAST(stored AS TEXT), '$.hlc') FROM event e WHERE e.event_id = dose_change.event_id), '');
CREATE TRIGGER dose_change_kept BEFORE UPDATE ON dose_change BEGIN SELECT RAISE(ABORT, 'a fact is never changed'); END;

-- Our own facts stay; what others told goes when the child leaves.
DROP TRIGGER dose_held;
DROP TRIGGER dose_change_held;
DROP TRIGGER movement_held;
CREATE TRIGGER dose_held BEFORE DELETE ON dose WHEN EXISTS (SELECT 1 FROM event WHERE event_id = old.id)
BEGIN SELECT RAISE(ABORT, 'a fact is never deleted'); END;
CREATE TRIGGER dose_change_held BEFORE DELETE ON dose_change
WHEN EXISTS (SELECT 1 FROM event WHERE event_id = old.event_id)
BEGIN SELECT RAISE(ABORT, 'a fact is never deleted'); END;
CREATE TRIGGER movement_held BEFORE DELETE ON movement WHEN EXISTS (SELECT 1 FROM event WHERE event_id = old.event_id)
BEGIN SELECT RAISE(ABORT, 'a fact is never deleted'); END;
"""
