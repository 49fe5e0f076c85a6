"""Version 3: badges apart from staff codes, a lock that grows, PINs that must be changed, the sealed emergency code."""

SQL = """
-- Wrong PINs in a row of one member of staff, or of this desk (who = ''), and until when nothing is tried.
CREATE TABLE guard (
    who TEXT PRIMARY KEY, failed INTEGER NOT NULL, locked_until TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO guard (who, failed, locked_until)
    SELECT code, failed, locked_until FROM staff WHERE failed > 0 OR locked_until <> '';
ALTER TABLE staff DROP COLUMN failed;
ALTER TABLE staff DROP COLUMN locked_until;
ALTER TABLE staff DROP COLUMN badge;
ALTER TABLE staff ADD COLUMN must_change INTEGER NOT NULL DEFAULT 0;
ALTER TABLE staff ADD COLUMN last_day TEXT NOT NULL DEFAULT '';

-- What is printed on a badge, and whose it is. A blocked number stays here for ever and is never given again.
CREATE TABLE badge (
    number TEXT PRIMARY KEY, staff TEXT NOT NULL REFERENCES staff(code), issued_at TEXT NOT NULL,
    blocked_at TEXT NOT NULL, blocked_why TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX badge_staff ON badge(staff);
INSERT OR IGNORE INTO badge (number, staff, issued_at, blocked_at, blocked_why)
    SELECT upper(code), code, '', '', '' FROM staff;

-- The sealed codes for a day on which nobody enrolled can sign in. `code` is a hash; at most one is not used.
CREATE TABLE emergency (
    no INTEGER PRIMARY KEY, code TEXT NOT NULL, made_at TEXT NOT NULL, made_by TEXT NOT NULL,
    used_at TEXT NOT NULL, staff TEXT NOT NULL, reviewed_at TEXT NOT NULL, reviewed_by TEXT NOT NULL,
    review TEXT NOT NULL
) STRICT;
"""
