-- A clinic's hub: the same server on one PC of the clinic (regional/hub.py). At a region `terminal.hub` alone is used.

ALTER TABLE enrolment_code ADD COLUMN hub boolean NOT NULL DEFAULT false;
ALTER TABLE terminal ADD COLUMN hub boolean NOT NULL DEFAULT false;
-- A hub knows terminals by what they told alone: they have no key here, and nothing signed by them is taken.
ALTER TABLE terminal ALTER COLUMN key_id DROP NOT NULL, ALTER COLUMN public_key DROP NOT NULL,
    ALTER COLUMN registration DROP NOT NULL, ADD CHECK (num_nulls(key_id, public_key, registration) IN (0, 3));

CREATE TABLE hub_note (  -- what the region gave this hub: place, key set, catalogue, how far its feed was read
    name text PRIMARY KEY,
    value bytea NOT NULL
);

CREATE TABLE relay (  -- batches sealed for the region, on their way there, and what it answered
    terminal_id text NOT NULL,
    epoch text NOT NULL,
    first_seq bigint NOT NULL,
    last_seq bigint NOT NULL,
    file bytea STORAGE EXTERNAL NOT NULL,  -- '' once the region has it
    arrived_at timestamptz NOT NULL,
    ack bytea,  -- the region's signed acknowledgement
    refused text NOT NULL DEFAULT '',  -- or why it did not take it: the code of a text, and its parameters
    params jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (terminal_id, epoch, first_seq, last_seq)
);
CREATE INDEX ON relay (arrived_at) WHERE ack IS NULL;

CREATE TABLE heard (  -- facts that came down: what the nightly comparison with the region counts
    terminal_id text NOT NULL,
    event_id text NOT NULL,
    also boolean NOT NULL,
    PRIMARY KEY (terminal_id, event_id)
);
CREATE SEQUENCE heard_number;
CREATE TABLE heard_matter (  -- open advice of the region, for desks that begin to read later
    clinic text NOT NULL,
    key text NOT NULL,
    note bytea NOT NULL,
    PRIMARY KEY (clinic, key)
);

-- A terminal the hub has checked: new, or known so far by its facts alone. False: another key stands there, another
-- clinic, or it is revoked.
CREATE FUNCTION introduce(
    id text, key text, point bytea, of_clinic text, at_desk text, document bytea, at timestamptz
) RETURNS SETOF boolean
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO terminal (terminal_id, key_id, public_key, clinic_code, desk, enrolled_at, registration)
    VALUES (id, key, point, of_clinic, at_desk, at, document)
    ON CONFLICT (terminal_id) DO UPDATE SET key_id = excluded.key_id, public_key = excluded.public_key,
        desk = excluded.desk, registration = excluded.registration
    WHERE terminal.clinic_code = excluded.clinic_code AND terminal.revoked_at IS NULL
        AND coalesce(terminal.key_id, excluded.key_id) = excluded.key_id
    RETURNING true
$$;
REVOKE EXECUTE ON FUNCTION introduce FROM PUBLIC;
