-- The region's pages: who signs in, what they looked at, and the counts they are shown.

CREATE TABLE region_staff (
    login text PRIMARY KEY,
    name text NOT NULL,
    grade text NOT NULL,  -- regional/staff.py
    secret text NOT NULL,  -- Argon2id
    active boolean NOT NULL DEFAULT true,
    failures int NOT NULL DEFAULT 0,  -- in a row
    locked_until timestamptz
);

CREATE TABLE region_session (
    token_hash bytea PRIMARY KEY,
    login text NOT NULL REFERENCES region_staff,
    begun_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL
);

CREATE TABLE record_access (  -- never the number somebody typed
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    login text NOT NULL,
    purpose text NOT NULL,
    identifier_kind text NOT NULL,
    outcome text NOT NULL,  -- found, not_found, ambiguous
    child_id text NOT NULL
);
CREATE INDEX ON record_access (child_id, at);
CREATE TRIGGER record_access_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON record_access
    FOR EACH STATEMENT EXECUTE FUNCTION region_audit_stays();

-- The day a dose was given, as last corrected.
CREATE FUNCTION dose_day(body jsonb, stated text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT left(coalesce(nullif(body ->> 'given_on', ''), stated), 10) $$;
CREATE INDEX ON dose (dose_day(body, stated), clinic) WHERE given AND origin_dose IS NULL;
CREATE INDEX ON batch USING brin (received_at);

-- Doses that stand, each once, where and when it was given; a moved one unless it was voided since.
CREATE VIEW dose_counted AS
SELECT dose_day(d.body, d.stated) AS day, d.clinic, d.body ->> 'vaccine' AS vaccine, d.body ->> 'funding' AS funding
FROM dose d
WHERE d.given AND d.origin_dose IS NULL AND d.voided_by IS NULL AND coalesce(d.body ->> 'elsewhere', '') = ''
    AND (d.moved_by IS NULL OR NOT EXISTS (
        WITH RECURSIVE later AS (
            SELECT m.dose_id, m.moved_by, m.voided_by FROM dose m WHERE m.dose_id = d.moved_by AND m.clinic = d.clinic
            UNION
            SELECT m.dose_id, m.moved_by, m.voided_by FROM later JOIN dose m ON m.dose_id = later.moved_by
            WHERE m.clinic = d.clinic
        ) SELECT FROM later WHERE voided_by IS NOT NULL));

-- What waits for a person, the child behind a mark that only `open_record` follows.
CREATE VIEW review_mark AS
SELECT md5(concat_ws('/', child_id, kind, one, other, field)) AS mark, kind, field, clinics, at
FROM review WHERE open;

-- One child's record, the one way the pages have to a child: who asked and what for is written in the same statement.
-- `of_kind` is a kind of identifier, `child` for the record's own id, or `review` for a mark.
CREATE FUNCTION open_record(who text, why text, of_kind text, of_value text, asked_at timestamptz)
RETURNS TABLE (outcome text, record jsonb)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    found text[];
    linked text[];
BEGIN
    IF of_kind = 'child' THEN
        SELECT array_agg(c.child_id) INTO found FROM child c WHERE c.child_id = of_value;
    ELSIF of_kind = 'review' THEN
        SELECT array_agg(DISTINCT r.child_id) INTO found FROM review r
        WHERE r.open AND md5(concat_ws('/', r.child_id, r.kind, r.one, r.other, r.field)) = of_value;
    ELSE
        SELECT array_agg(DISTINCT i.child_id ORDER BY i.child_id) INTO found FROM child_identifier i
        WHERE i.value = of_value AND i.kind = of_kind;
    END IF;
    IF found IS NOT NULL THEN
        SELECT array_agg(g ORDER BY g <> found[1], g) INTO linked FROM child_group(found[1]) AS g;
    END IF;
    outcome := CASE WHEN found IS NULL THEN 'not_found' WHEN found <@ linked THEN 'found' ELSE 'ambiguous' END;
    INSERT INTO record_access (at, login, purpose, identifier_kind, outcome, child_id)
    VALUES (asked_at, who, why, of_kind, outcome, CASE outcome WHEN 'found' THEN linked[1] ELSE '' END);
    IF outcome = 'found' THEN
        record := child_record(linked);
    END IF;
    RETURN NEXT;
END $$;

-- When a dose was given that a move brought here: what its origin says; sixteen moves and no more.
CREATE FUNCTION dose_stated(of_child text, of_dose text, of_clinic text) RETURNS text
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    WITH RECURSIVE before AS (
        SELECT d.stated, d.origin_child, d.origin_dose, 0 AS steps FROM dose d
        WHERE d.child_id = of_child AND d.dose_id = of_dose AND d.clinic = of_clinic
        UNION ALL
        SELECT d.stated, d.origin_child, d.origin_dose, steps + 1 FROM before JOIN dose d
            ON d.child_id = before.origin_child AND d.dose_id = before.origin_dose AND d.clinic = of_clinic
        WHERE steps < 16
    ) SELECT coalesce(max(stated), '') FROM before WHERE origin_dose IS NULL
$$;

-- Records that are of one child, as they stand now; of events without a projection their stored text.
CREATE FUNCTION child_record(linked text[]) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT jsonb_build_object(
        'children', (SELECT jsonb_agg(jsonb_build_object('child_id', g.id, 'clinic', coalesce(c.clinic, ''),
                'body', coalesce(c.body, '{}')) ORDER BY g.place)
            FROM unnest(linked) WITH ORDINALITY g (id, place) LEFT JOIN child c ON c.child_id = g.id),
        'doses', (SELECT coalesce(jsonb_agg(jsonb_build_object('dose_id', d.dose_id, 'child_id', d.child_id,
                'clinic', d.clinic, 'stated', coalesce(nullif(d.stated, ''), dose_stated(d.child_id, d.dose_id, d.clinic)),
                'voided', d.voided_by IS NOT NULL, 'moved', d.moved_by IS NOT NULL,
                'disputed', EXISTS (SELECT FROM dose x WHERE x.child_id = d.child_id AND x.dose_id = d.dose_id
                    AND x.disputed_by IS NOT NULL),
                'body', dose_body(d.child_id, d.dose_id, d.clinic)) ORDER BY d.dose_id, d.clinic), '[]')
            FROM dose d WHERE d.child_id = ANY (linked) AND d.given
                AND dose_body(d.child_id, d.dose_id, d.clinic) IS NOT NULL),
        'reactions', (SELECT coalesce(jsonb_agg(jsonb_build_object('aefi_id', a.aefi_id, 'clinic', a.clinic,
                'body', a.body) ORDER BY a.aefi_id), '[]') FROM aefi a WHERE a.child_id = ANY (linked)),
        'not_given', (SELECT coalesce(jsonb_agg(convert_from(e.data, 'UTF8') ORDER BY e.event_id), '[]')
            FROM event e WHERE e.subject = ANY (linked) AND e.kind = 'dose.deferred'))
$$;

REVOKE EXECUTE ON FUNCTION open_record, child_record FROM PUBLIC;
