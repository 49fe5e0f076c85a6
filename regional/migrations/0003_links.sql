-- Records that are of one child, what was said of a child before, reactions, requests, and what waits for a person.
-- All of it may be told in any order.

CREATE TABLE child_link (
    child_id text NOT NULL,  -- whose record goes on
    link_id text NOT NULL,  -- the child.merged
    other text,  -- NULL while only its end is known
    merged_at text,  -- hybrid clock
    ended_at text,
    PRIMARY KEY (child_id, link_id)
) PARTITION BY HASH (child_id);
CREATE INDEX ON child_link (other);

-- Every value a field ever had, the one that lost too. `resident_id` stands beside `identifiers`, which is given whole.
CREATE TABLE child_change (
    child_id text NOT NULL,
    field text NOT NULL,
    clock text NOT NULL,
    event_id text NOT NULL,
    clinic text NOT NULL,
    old jsonb,  -- NULL: registered so
    new jsonb NOT NULL,
    PRIMARY KEY (child_id, field, clock)
) PARTITION BY HASH (child_id);

CREATE TABLE aefi (
    child_id text NOT NULL,
    aefi_id text NOT NULL,
    clinic text NOT NULL,
    body jsonb NOT NULL,
    PRIMARY KEY (child_id, aefi_id)
) PARTITION BY HASH (child_id);

CREATE TABLE correction (
    child_id text NOT NULL,
    request_id text NOT NULL,
    clinic text NOT NULL,  -- that asked
    of text NOT NULL,
    due text NOT NULL,
    body jsonb NOT NULL,
    PRIMARY KEY (child_id, request_id)
) PARTITION BY HASH (child_id);

CREATE TABLE correction_answer (
    child_id text NOT NULL,
    request_id text NOT NULL,
    clinic text NOT NULL,  -- that answered: counts when the dose is its own
    outcome text NOT NULL,
    PRIMARY KEY (child_id, request_id, clinic)
) PARTITION BY HASH (child_id);

CREATE TABLE review (
    child_id text NOT NULL,
    kind text NOT NULL,  -- identity, unmerged_dose, possible_double
    one text NOT NULL,  -- identity: the two events; unmerged_dose: link and dose; possible_double: the two doses
    other text NOT NULL,
    field text NOT NULL DEFAULT '',  -- of identity
    clinics text[] NOT NULL,
    at timestamptz NOT NULL,
    open boolean NOT NULL DEFAULT true,
    PRIMARY KEY (child_id, kind, one, other, field)
) PARTITION BY HASH (child_id);
CREATE INDEX ON review (at) WHERE open;

DO $$ DECLARE parent text; BEGIN
    FOREACH parent IN ARRAY ARRAY['child_link', 'child_change', 'aefi', 'correction', 'correction_answer', 'review'] LOOP
        FOR part IN 0..7 LOOP
            EXECUTE format('CREATE TABLE %s_%s PARTITION OF %s FOR VALUES WITH (MODULUS 8, REMAINDER %s)', parent, part, parent, part);
        END LOOP;
    END LOOP;
END $$;

-- The child and all whose records are linked to it now, whichever way and through however many others.
CREATE FUNCTION child_group(of_child text) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
    WITH RECURSIVE linked(id) AS (
        SELECT of_child
        UNION
        SELECT CASE WHEN l.child_id = linked.id THEN l.other ELSE l.child_id END
        FROM linked JOIN child_link l ON linked.id IN (l.child_id, l.other)
        WHERE l.merged_at IS NOT NULL AND l.ended_at IS NULL
    )
    SELECT id FROM linked
$$;
