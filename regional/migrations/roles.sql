-- Who may do what. Carried out whole after every migration; what is not written here is not allowed.
--   the owner       migrations and the commands of `vaxdesk region`
--   vaxdesk_api     answers the terminals: takes batches and never changes or deletes one, gives out facts and numbers
--   vaxdesk_worker  applies batches: keeps the records of children, sees no enrolment codes and no numbers
--   vaxdesk_read    the dashboard: counts and states; a child by `open_record` alone, which writes down who and why

DO $$ DECLARE
    role text;
    may text := CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END;
BEGIN
    FOREACH role IN ARRAY ARRAY['vaxdesk_api', 'vaxdesk_worker', 'vaxdesk_read'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE', role);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;  -- another database of this server did it
            END;
        END IF;
        IF NOT pg_has_role(current_user, role, may) THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', role);  -- so that `serve` with the owner's DSN can step down
        END IF;
    END LOOP;
END $$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM vaxdesk_api, vaxdesk_worker, vaxdesk_read;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM vaxdesk_api, vaxdesk_worker, vaxdesk_read;
GRANT USAGE ON SCHEMA public TO vaxdesk_api, vaxdesk_worker, vaxdesk_read;
GRANT SELECT ON migration, region_state, clinic TO vaxdesk_api, vaxdesk_worker, vaxdesk_read;

-- vaxdesk_api: places and numbers
GRANT SELECT, UPDATE (used_by) ON enrolment_code TO vaxdesk_api;
GRANT SELECT, INSERT ON enrolment_failure TO vaxdesk_api;
GRANT SELECT, INSERT, UPDATE (epoch, registration, cloned_at) ON terminal TO vaxdesk_api;
GRANT INSERT ON nonce, lease TO vaxdesk_api;
GRANT SELECT (terminal_id, kind, first, last, at) ON lease TO vaxdesk_api;  -- how many a day
GRANT SELECT, INSERT, UPDATE ON number_series TO vaxdesk_api;
GRANT INSERT ON feed TO vaxdesk_api;  -- a desk that got another PC (regional/replacement.py)
GRANT USAGE ON feed_id TO vaxdesk_api;
-- batches come in
GRANT SELECT, INSERT ON batch TO vaxdesk_api;
GRANT SELECT, INSERT, UPDATE ON epoch TO vaxdesk_api;
-- facts go out as they came; identifiers and links find a child, its record as it stands is not read
GRANT SELECT ON event, event_also, feed, feed_floor, reach, scope, child_identifier, child_link, reference
    TO vaxdesk_api;
GRANT SELECT, INSERT ON lookup TO vaxdesk_api;
-- what waits for a person (regional/feed.py, a clinic's first page), without what was given or set aside
GRANT SELECT (terminal_id, epoch, seq, event_id, reason, child_id, dose_id) ON quarantine TO vaxdesk_api;
GRANT SELECT (child_id, request_id, of) ON correction TO vaxdesk_api;
GRANT SELECT (child_id, dose_id, clinic, given, voided_by, moved_by) ON dose TO vaxdesk_api;
GRANT SELECT ON review, recalled_dose, recalled_lot TO vaxdesk_api;

-- at a clinic's hub: terminals introduce themselves and leave batches for the region (regional/hub.py)
GRANT SELECT ON hub_note, heard_matter TO vaxdesk_api;
GRANT SELECT, INSERT, DELETE ON relay TO vaxdesk_api;
GRANT EXECUTE ON FUNCTION introduce TO vaxdesk_api;

-- vaxdesk_worker
GRANT SELECT ON terminal, epoch, recalled_lot, reference TO vaxdesk_worker;
GRANT SELECT, DELETE ON nonce, enrolment_failure TO vaxdesk_worker;
GRANT SELECT, UPDATE (applied_at, problem) ON batch TO vaxdesk_worker;
GRANT SELECT, INSERT ON event, event_also TO vaxdesk_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON child, child_identifier, child_link, child_change, visit, dose, lot, aefi,
    correction, correction_answer, review, recalled_dose, quarantine, feed, feed_floor, reach, scope TO vaxdesk_worker;
GRANT USAGE ON feed_id, scope_number TO vaxdesk_worker;

-- vaxdesk_read: a dose without its child, a batch without its contents, a terminal without its keys
GRANT SELECT (terminal_id, key_id, clinic_code, desk, epoch, enrolled_at, revoked_at, cloned_at, registration) ON terminal
    TO vaxdesk_read;
GRANT SELECT ON epoch TO vaxdesk_read;
GRANT SELECT (terminal_id, epoch, first_seq, last_seq, received_at, applied_at, problem) ON batch TO vaxdesk_read;
GRANT SELECT (terminal_id, epoch, seq, reason, clinic, at) ON quarantine TO vaxdesk_read;
GRANT SELECT (clinic, given, terminal_id, stated, body, voided_by, moved_by) ON dose TO vaxdesk_read;
GRANT SELECT (kind, clinics, at, open) ON review TO vaxdesk_read;
GRANT SELECT (number, name, version, effective_on, published_at) ON reference TO vaxdesk_read;
GRANT SELECT ON recalled_lot, dose_counted, review_mark TO vaxdesk_read;
GRANT SELECT, UPDATE (failures, locked_until) ON region_staff TO vaxdesk_read;
GRANT SELECT, INSERT, DELETE, UPDATE (seen_at) ON region_session TO vaxdesk_read;
GRANT EXECUTE ON FUNCTION open_record TO vaxdesk_read;

-- The header of a terminal's last batch (program and clock of who sealed it), for who does not read batches.
CREATE OR REPLACE FUNCTION last_head(of_terminal text, of_epoch text) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT substring(file FROM 5 FOR 4100) FROM batch
    WHERE terminal_id = of_terminal AND epoch = of_epoch ORDER BY first_seq DESC LIMIT 1
$$;
