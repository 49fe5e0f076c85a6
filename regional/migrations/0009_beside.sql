-- What is told of a dose that was moved reaches the clinic of the other child; and what a merge brought to a clinic
-- leaves it with the unmerge: `reach` holds what was told of a record itself, linked ones are joined when facts are
-- given out.

CREATE INDEX ON dose (origin_dose) WHERE origin_dose IS NOT NULL;
CREATE INDEX ON event_also (terminal_id, epoch, seq);

-- Moves, and whatever was told of records that are or were linked, are applied again.
CREATE TEMP TABLE linked ON COMMIT DROP AS
SELECT child_id FROM child_link UNION SELECT other FROM child_link WHERE other IS NOT NULL;
DELETE FROM reach WHERE child_id IN (SELECT child_id FROM linked);
UPDATE batch b SET applied_at = NULL FROM (
    SELECT terminal_id, epoch, seq FROM event WHERE kind = 'dose.moved' OR subject IN (SELECT child_id FROM linked)
    UNION SELECT terminal_id, epoch, seq FROM event_also WHERE child_id IN (SELECT child_id FROM linked)
) e
WHERE b.terminal_id = e.terminal_id AND b.epoch = e.epoch AND e.seq BETWEEN b.first_seq AND b.last_seq
    AND b.problem IS NULL;
