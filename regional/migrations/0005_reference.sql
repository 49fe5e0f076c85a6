-- Documents everybody works by, who looked up whom, and lots not to be given.

CREATE TABLE reference (
    number int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    version text NOT NULL,  -- SHA-256 of the content
    effective_on text NOT NULL,
    published_at timestamptz NOT NULL,
    content bytea STORAGE EXTERNAL NOT NULL,
    document bytea NOT NULL,  -- signed
    UNIQUE (name, version, effective_on)
);

CREATE TABLE recalled_lot (
    lot_no text NOT NULL,
    maker text NOT NULL DEFAULT '',  -- '': of any maker
    reason text NOT NULL,
    PRIMARY KEY (lot_no, maker)
);

CREATE TABLE recalled_dose (  -- told to its clinic already
    child_id text NOT NULL,
    dose_id text NOT NULL,
    clinic text NOT NULL,
    lot_no text NOT NULL,
    PRIMARY KEY (child_id, dose_id, clinic)
) PARTITION BY HASH (child_id);
DO $$ BEGIN
    FOR part IN 0..7 LOOP
        EXECUTE format('CREATE TABLE recalled_dose_%s PARTITION OF recalled_dose FOR VALUES WITH (MODULUS 8, REMAINDER %s)', part, part);
    END LOOP;
END $$;
CREATE INDEX ON dose ((body ->> 'lot_no'));

CREATE TABLE lookup (  -- never the number somebody typed
    at timestamptz NOT NULL,
    terminal_id text NOT NULL REFERENCES terminal,
    clinic text NOT NULL,
    actor text NOT NULL,
    purpose text NOT NULL,
    identifier_kind text NOT NULL,
    outcome text NOT NULL,  -- found, not_found, ambiguous
    child_id text NOT NULL DEFAULT ''
);
CREATE INDEX ON lookup (child_id, at);
CREATE INDEX ON lookup (terminal_id, at);
