-- What administrators of the region did. Rows are added, never changed: no role but the owner reaches them.

CREATE TABLE region_audit (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,  -- code.given, terminal.revoked, keys.rotated, escrow.asked, escrow.opened, escrow.refused
    details jsonb NOT NULL  -- ids, never names of people or secrets
);
CREATE FUNCTION region_audit_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the audit of the region is only added to'; END $$;
CREATE TRIGGER region_audit_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON region_audit
    FOR EACH STATEMENT EXECUTE FUNCTION region_audit_stays();
