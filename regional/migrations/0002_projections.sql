-- What the events say. Rows are merged field by field, the later hybrid clock winning, so events may be applied in any
-- order and again: a void may come before its dose.

CREATE TABLE event (
    terminal_id text NOT NULL,
    epoch text NOT NULL,
    seq bigint NOT NULL,
    event_id text NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    hlc text NOT NULL,
    recorded_at text NOT NULL,
    data bytea NOT NULL,  -- the stored bytes: the record
    PRIMARY KEY (terminal_id, epoch, seq),
    UNIQUE (terminal_id, event_id)
) PARTITION BY HASH (terminal_id);

CREATE TABLE child (
    child_id text PRIMARY KEY,
    registered boolean NOT NULL,  -- false while only changes of it are known
    clinic text NOT NULL,
    body jsonb NOT NULL,
    clocks jsonb NOT NULL
) PARTITION BY HASH (child_id);

CREATE TABLE child_identifier (
    child_id text NOT NULL,
    kind text NOT NULL,
    value text NOT NULL,
    issuer text NOT NULL,
    PRIMARY KEY (child_id, kind, value, issuer)
) PARTITION BY HASH (child_id);
CREATE INDEX ON child_identifier (value, kind);

CREATE TABLE visit (
    child_id text NOT NULL,
    visit_id text NOT NULL,
    clinic text NOT NULL,
    stated text NOT NULL,
    PRIMARY KEY (child_id, visit_id)
) PARTITION BY HASH (child_id);

-- Only the clinic that told a dose may void, correct or move it: what another says of it falls on a row of its own, which
-- no dose ever fills. A dispute is anybody's: clinic ''.
CREATE TABLE dose (
    child_id text NOT NULL,
    dose_id text NOT NULL,
    clinic text NOT NULL,  -- of the terminal that told it
    given boolean NOT NULL,  -- false while only a void, correction, move or dispute of it is known
    terminal_id text NOT NULL,
    stated text NOT NULL,
    body jsonb NOT NULL,
    clocks jsonb NOT NULL,
    origin_child text,  -- a dose moved here from another child
    origin_dose text,
    voided_by text,
    moved_by text,
    disputed_by text,
    PRIMARY KEY (child_id, dose_id, clinic)
) PARTITION BY HASH (child_id);
CREATE INDEX ON dose (dose_id);

CREATE TABLE lot (
    terminal_id text NOT NULL,
    lot_id text NOT NULL,
    body jsonb NOT NULL,
    PRIMARY KEY (terminal_id, lot_id)
) PARTITION BY HASH (terminal_id);

DO $$ DECLARE parent text; BEGIN
    FOREACH parent IN ARRAY ARRAY['event', 'child', 'child_identifier', 'visit', 'dose', 'lot'] LOOP
        FOR part IN 0..7 LOOP
            EXECUTE format('CREATE TABLE %s_%s PARTITION OF %s FOR VALUES WITH (MODULUS 8, REMAINDER %s)', parent, part, parent, part);
        END LOOP;
    END LOOP;
END $$;

-- The fields of `fresh` that are later than what `held` has. The clock "*" stands for all fields of a first telling.
CREATE FUNCTION later_fields(held_clocks jsonb, fresh jsonb, fresh_clocks jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(jsonb_object_agg(f.key, f.value), '{}')
    FROM jsonb_each(fresh) f
    WHERE greatest(fresh_clocks ->> f.key, fresh_clocks ->> '*') COLLATE "C"
        > coalesce(greatest(held_clocks ->> f.key, held_clocks ->> '*'), '') COLLATE "C"
$$;

CREATE FUNCTION later_clocks(held jsonb, fresh jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT held || coalesce(jsonb_object_agg(f.key, f.value), '{}')
    FROM jsonb_each_text(fresh) f
    WHERE f.value COLLATE "C" > coalesce(held ->> f.key, '') COLLATE "C"
$$;

-- What a dose says, a moved one after what its origin said; sixteen moves and no more. NULL while nobody told it.
CREATE FUNCTION dose_body(of_child text, of_dose text, of_clinic text, depth int DEFAULT 16) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
DECLARE found dose%ROWTYPE;
BEGIN
    SELECT * INTO found FROM dose d
    WHERE d.child_id = of_child AND d.dose_id = of_dose AND d.clinic = of_clinic AND d.given;
    IF found.origin_dose IS NULL OR depth = 0 THEN
        RETURN found.body;
    END IF;
    RETURN dose_body(found.origin_child, found.origin_dose, of_clinic, depth - 1) || found.body;
END $$;
