-- Who may send, what was received, what numbers were given out. Sealed batches stay sealed here.

CREATE TABLE region_state (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    generation text NOT NULL,
    oldest_client text NOT NULL DEFAULT ''
);

CREATE TABLE clinic (
    code text PRIMARY KEY,
    name text NOT NULL,
    number int GENERATED ALWAYS AS IDENTITY UNIQUE  -- the clinic's part of booklet and receipt numbers
);

CREATE TABLE enrolment_code (
    code_hash bytea PRIMARY KEY,
    clinic_code text NOT NULL REFERENCES clinic,
    desk text NOT NULL,
    expires_at timestamptz NOT NULL,
    used_by text  -- key id
);

CREATE UNLOGGED TABLE enrolment_failure (source text NOT NULL, at timestamptz NOT NULL);
CREATE INDEX ON enrolment_failure (source, at);

CREATE TABLE terminal (
    terminal_id text PRIMARY KEY,
    key_id text NOT NULL UNIQUE,
    public_key bytea NOT NULL,
    clinic_code text NOT NULL REFERENCES clinic,
    desk text NOT NULL,
    epoch text NOT NULL DEFAULT '',  -- the present one
    enrolled_at timestamptz NOT NULL,
    revoked_at timestamptz,
    registration bytea NOT NULL  -- the signed document
);

CREATE TABLE epoch (
    terminal_id text NOT NULL REFERENCES terminal,
    epoch text NOT NULL,
    have_seq bigint NOT NULL,
    have_hash bytea NOT NULL,
    safe_seq bigint NOT NULL DEFAULT 0,
    ack bytea NOT NULL,  -- the last signed acknowledgement
    PRIMARY KEY (terminal_id, epoch)
);

-- Lives five minutes; a crash of the server may forget it, and every replayed request is idempotent or burns numbers only.
CREATE UNLOGGED TABLE nonce (
    key_id text NOT NULL,
    nonce text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (key_id, nonce)
);
CREATE INDEX ON nonce (at);

CREATE TABLE lease (
    lease_id text PRIMARY KEY,
    terminal_id text NOT NULL REFERENCES terminal,
    clinic_code text NOT NULL REFERENCES clinic,
    kind text NOT NULL,
    first bigint NOT NULL,
    last bigint NOT NULL,
    at timestamptz NOT NULL,
    CHECK (first <= last)
);

CREATE TABLE number_series (
    clinic_code text NOT NULL REFERENCES clinic,
    kind text NOT NULL,
    next bigint NOT NULL,
    PRIMARY KEY (clinic_code, kind)
);

CREATE TABLE batch (
    terminal_id text NOT NULL,
    epoch text NOT NULL,
    first_seq bigint NOT NULL,
    last_seq bigint NOT NULL,
    last_hash bytea NOT NULL,
    file bytea STORAGE EXTERNAL NOT NULL,  -- the .imb as it came
    received_at timestamptz NOT NULL,
    applied_at timestamptz,
    problem text,  -- why it cannot be applied at all
    PRIMARY KEY (terminal_id, epoch, first_seq, last_seq)
) PARTITION BY HASH (terminal_id);
CREATE INDEX ON batch (received_at) WHERE applied_at IS NULL AND problem IS NULL;

CREATE TABLE quarantine (
    terminal_id text NOT NULL,
    epoch text NOT NULL,
    seq bigint NOT NULL,
    event_id text,
    reason text NOT NULL,
    child_id text,  -- where a later event may answer it
    dose_id text,
    clinic text,  -- whose dose it must be, '' anybody's
    data bytea NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (terminal_id, epoch, seq)
);
CREATE INDEX ON quarantine (child_id, dose_id) WHERE dose_id IS NOT NULL;

DO $$ BEGIN
    FOR part IN 0..7 LOOP
        EXECUTE format('CREATE TABLE batch_%s PARTITION OF batch FOR VALUES WITH (MODULUS 8, REMAINDER %s)', part, part);
    END LOOP;
END $$;
