-- What goes back to the clinics. A worker appends it in the transaction that applies the facts; a reader takes what
-- lies below the oldest transaction still running, in the order (xid, id): a number or a time given out before the
-- commit would let a slow transaction slip in behind the reader.

CREATE SEQUENCE feed_id;
CREATE TABLE feed (
    clinic text NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    id bigint NOT NULL DEFAULT nextval('feed_id'),
    what text NOT NULL,  -- event, also, advice
    terminal_id text,
    epoch text,
    seqs bigint[],  -- facts of that terminal
    note bytea,  -- of an advice
    at timestamptz NOT NULL,
    PRIMARY KEY (clinic, xid, id)
) PARTITION BY HASH (clinic);
CREATE INDEX ON feed USING brin (at);

CREATE TABLE feed_floor (  -- up to here rows were forgotten: an older cursor starts over
    clinic text PRIMARY KEY,
    xid xid8 NOT NULL,
    id bigint NOT NULL
);

-- One row a child: facts about it are given out under its lock. clinic -> clock of its last fact, or of the move to it
-- (came), of the move away (gone).
CREATE TABLE reach (
    child_id text PRIMARY KEY,
    came jsonb NOT NULL,
    gone jsonb NOT NULL
) PARTITION BY HASH (child_id);

CREATE SEQUENCE scope_number;
CREATE TABLE scope (  -- the children of a clinic, as `reach` has them
    clinic text NOT NULL,
    child_id text NOT NULL,
    number bigint NOT NULL DEFAULT nextval('scope_number'),
    PRIMARY KEY (clinic, child_id)
) PARTITION BY HASH (clinic);
CREATE INDEX ON scope (clinic, number);

CREATE TABLE event_also (  -- children that a fact concerns beside its subject
    child_id text NOT NULL,
    terminal_id text NOT NULL,
    epoch text NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (child_id, terminal_id, epoch, seq)
) PARTITION BY HASH (child_id);

CREATE INDEX ON event USING hash (subject);

DO $$ DECLARE parent text; BEGIN
    FOREACH parent IN ARRAY ARRAY['feed', 'reach', 'scope', 'event_also'] LOOP
        FOR part IN 0..7 LOOP
            EXECUTE format('CREATE TABLE %s_%s PARTITION OF %s FOR VALUES WITH (MODULUS 8, REMAINDER %s)', parent, part, parent, part);
        END LOOP;
    END LOOP;
END $$;

-- What was applied before is applied again, into these tables and those of 0003.
UPDATE batch SET applied_at = NULL WHERE problem IS NULL;
