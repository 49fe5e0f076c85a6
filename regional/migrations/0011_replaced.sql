-- A PC that takes another place at its desk says which one it had: nothing of it is missing (regional/replacement.py).

ALTER TABLE terminal ADD COLUMN continues text NOT NULL DEFAULT '';
CREATE INDEX ON terminal (clinic_code, desk, enrolled_at);

-- Whose children moved away: their clinic is told where to when it begins to read anew (regional/feed.py).
CREATE INDEX ON reach USING gin (gone) WHERE gone <> '{}';
