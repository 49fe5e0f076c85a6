"""Version 1: people, visits, doses, stock, the ledger of facts, the audit chain, papers and staff."""

SQL = """
-- Where this terminal's ledger stands: one row, changed in every transaction that tells a fact.
CREATE TABLE head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    terminal_id TEXT NOT NULL, epoch TEXT NOT NULL, seq INTEGER NOT NULL, chain BLOB NOT NULL,
    hlc TEXT NOT NULL, last_at TEXT NOT NULL,
    audit_seq INTEGER NOT NULL, audit_chain BLOB NOT NULL,
    generation TEXT NOT NULL, offset_ms INTEGER
) STRICT;

-- Facts. The stored bytes are the record; they are written once.
CREATE TABLE event (
    no INTEGER PRIMARY KEY, event_id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, subject TEXT NOT NULL,
    stored BLOB NOT NULL
) STRICT;
CREATE INDEX event_subject ON event(subject);
CREATE TABLE outbox (
    epoch TEXT NOT NULL, seq INTEGER NOT NULL, event_no INTEGER NOT NULL REFERENCES event(no), chain BLOB NOT NULL,
    PRIMARY KEY (epoch, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE batch (
    epoch TEXT NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, last_chain BLOB NOT NULL,
    sealed_at TEXT NOT NULL, acked_at TEXT, copied_at TEXT, blob BLOB NOT NULL,
    PRIMARY KEY (epoch, first_seq)
) STRICT;
CREATE TABLE ack (
    epoch TEXT PRIMARY KEY, received_upto INTEGER NOT NULL, safe_upto INTEGER NOT NULL,
    resume_after INTEGER NOT NULL, chain BLOB NOT NULL, at TEXT NOT NULL, document BLOB NOT NULL
) STRICT;
CREATE TABLE note (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
CREATE TABLE lease (
    lease_id TEXT PRIMARY KEY, kind TEXT NOT NULL, prefix TEXT NOT NULL,
    first INTEGER NOT NULL, last INTEGER NOT NULL, width INTEGER NOT NULL, retired INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE lease_use (
    lease_id TEXT NOT NULL REFERENCES lease(lease_id), year TEXT NOT NULL, next INTEGER NOT NULL,
    PRIMARY KEY (lease_id, year)
) STRICT, WITHOUT ROWID;

-- Who did what. `chain` is over the row before.
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY, at TEXT NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL,
    detail TEXT NOT NULL, chain BLOB NOT NULL
) STRICT;
CREATE INDEX audit_subject ON audit(subject);

-- People, as the facts leave them.
CREATE TABLE child (
    no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL, pinyin TEXT NOT NULL, initials TEXT NOT NULL, sex TEXT NOT NULL, birth_on TEXT NOT NULL,
    birth_time TEXT NOT NULL, birth_weight_g INTEGER NOT NULL, birth_hospital TEXT NOT NULL,
    birth_order INTEGER NOT NULL, preterm_weeks INTEGER NOT NULL, mother_hbsag TEXT NOT NULL, ethnic TEXT NOT NULL,
    address TEXT NOT NULL, area TEXT NOT NULL, residence TEXT NOT NULL, register_status TEXT NOT NULL,
    clinic TEXT NOT NULL, registered_at TEXT NOT NULL, known_at TEXT NOT NULL, known_from TEXT NOT NULL
) STRICT;
CREATE INDEX child_birth ON child(birth_on);
CREATE INDEX child_initials ON child(initials);
CREATE TABLE identifier (
    child_id TEXT NOT NULL REFERENCES child(id), kind TEXT NOT NULL, value TEXT NOT NULL, issuer TEXT NOT NULL,
    PRIMARY KEY (value, kind, issuer, child_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX identifier_child ON identifier(child_id);
CREATE TABLE guardian (
    child_id TEXT NOT NULL REFERENCES child(id), pos INTEGER NOT NULL,
    relation TEXT NOT NULL, name TEXT NOT NULL, phone TEXT NOT NULL,
    PRIMARY KEY (child_id, pos)
) STRICT, WITHOUT ROWID;
CREATE INDEX guardian_phone ON guardian(phone);
CREATE TABLE alert (
    child_id TEXT NOT NULL REFERENCES child(id), pos INTEGER NOT NULL,
    kind TEXT NOT NULL, text TEXT NOT NULL, vaccines TEXT NOT NULL, component TEXT NOT NULL,
    PRIMARY KEY (child_id, pos)
) STRICT, WITHOUT ROWID;
CREATE TABLE standing (
    event_id TEXT NOT NULL, child_id TEXT NOT NULL REFERENCES child(id), what TEXT NOT NULL, code TEXT NOT NULL,
    from_on TEXT NOT NULL,
    PRIMARY KEY (child_id, what, from_on, event_id)
) STRICT, WITHOUT ROWID;
CREATE VIRTUAL TABLE child_text USING fts5(
    words, content = '', contentless_delete = 1, tokenize = 'unicode61', prefix = '1 2 3 4'
);

-- Visits and doses. Medical facts are only ever added.
CREATE TABLE visit (
    id TEXT PRIMARY KEY, child_id TEXT NOT NULL REFERENCES child(id), opened_at TEXT NOT NULL, opened_by TEXT NOT NULL,
    clinic TEXT NOT NULL, desk TEXT NOT NULL, health TEXT NOT NULL, informed INTEGER NOT NULL, booklet TEXT NOT NULL,
    closed_at TEXT, closed_by TEXT, row_written TEXT, observe_until TEXT
) STRICT;
CREATE INDEX visit_child ON visit(child_id);
CREATE INDEX visit_open ON visit(opened_at) WHERE closed_at IS NULL;
CREATE TABLE dose (
    id TEXT PRIMARY KEY, child_id TEXT NOT NULL REFERENCES child(id), visit_id TEXT NOT NULL, moved_from TEXT,
    given_on TEXT NOT NULL, stated TEXT NOT NULL, recorded_at TEXT NOT NULL, recorded_by TEXT NOT NULL,
    vaccine TEXT NOT NULL, dose_no INTEGER NOT NULL, clinic TEXT NOT NULL, giver TEXT NOT NULL,
    lot_id TEXT NOT NULL, lot_no TEXT NOT NULL, expiry_on TEXT NOT NULL, maker TEXT NOT NULL,
    package TEXT NOT NULL, vial_no INTEGER NOT NULL, volume_ml REAL NOT NULL, site TEXT NOT NULL, route TEXT NOT NULL,
    funding TEXT NOT NULL, kind TEXT NOT NULL, verdict TEXT NOT NULL, overrides TEXT NOT NULL,
    elsewhere TEXT NOT NULL, clock TEXT NOT NULL
) STRICT;
CREATE INDEX dose_child ON dose(child_id);
CREATE INDEX dose_visit ON dose(visit_id);
CREATE INDEX dose_day ON dose(given_on);
CREATE TABLE dose_change (
    event_id TEXT PRIMARY KEY, dose_id TEXT NOT NULL REFERENCES dose(id), kind TEXT NOT NULL, at TEXT NOT NULL,
    actor TEXT NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE INDEX dose_change_dose ON dose_change(dose_id);
CREATE TABLE deferral (
    event_id TEXT PRIMARY KEY, child_id TEXT NOT NULL REFERENCES child(id), visit_id TEXT NOT NULL,
    vaccine TEXT NOT NULL, outcome TEXT NOT NULL, reason TEXT NOT NULL, until TEXT NOT NULL, at TEXT NOT NULL
) STRICT;
CREATE INDEX deferral_child ON deferral(child_id);
-- Checked but not confirmed: after a power cut the restart asks whether it was given.
CREATE TABLE checked (
    id TEXT PRIMARY KEY, visit_id TEXT NOT NULL REFERENCES visit(id), child_id TEXT NOT NULL, at TEXT NOT NULL,
    actor TEXT NOT NULL, body TEXT NOT NULL, problems TEXT NOT NULL
) STRICT;
CREATE INDEX checked_visit ON checked(visit_id);

-- Stock. Every use, return and count is a movement.
CREATE TABLE lot (
    id TEXT PRIMARY KEY, vaccine TEXT NOT NULL, lot_no TEXT NOT NULL, expiry_on TEXT NOT NULL, maker TEXT NOT NULL,
    product TEXT NOT NULL, doses_per_package INTEGER NOT NULL, received_at TEXT NOT NULL, recalled TEXT NOT NULL,
    UNIQUE (vaccine, lot_no, maker)
) STRICT;
CREATE TABLE package (
    code TEXT PRIMARY KEY, lot_id TEXT NOT NULL REFERENCES lot(id), received_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE movement (
    no INTEGER PRIMARY KEY, event_id TEXT NOT NULL, lot_id TEXT NOT NULL, package TEXT NOT NULL,
    vial_no INTEGER NOT NULL, dose_id TEXT NOT NULL, kind TEXT NOT NULL, doses INTEGER NOT NULL, at TEXT NOT NULL
) STRICT;
CREATE INDEX movement_package ON movement(package, lot_id);
CREATE INDEX movement_lot ON movement(lot_id);

-- Papers and people of the house.
CREATE TABLE receipt (
    number TEXT PRIMARY KEY, visit_id TEXT NOT NULL REFERENCES visit(id), issued_at TEXT NOT NULL,
    document BLOB NOT NULL, voided TEXT NOT NULL
) STRICT;
CREATE INDEX receipt_visit ON receipt(visit_id);
CREATE TABLE print_job (
    id TEXT PRIMARY KEY, printer TEXT NOT NULL, receipt TEXT NOT NULL, document BLOB NOT NULL, copy_no INTEGER NOT NULL,
    state TEXT NOT NULL, attempts INTEGER NOT NULL, bytes_out INTEGER NOT NULL, code TEXT NOT NULL,
    created_at TEXT NOT NULL, expires_at TEXT NOT NULL, settled_at TEXT
) STRICT;
CREATE INDEX print_job_state ON print_job(printer, state, created_at);
CREATE TABLE staff (
    code TEXT PRIMARY KEY, name TEXT NOT NULL, pinyin TEXT NOT NULL, grades TEXT NOT NULL, pin TEXT NOT NULL,
    badge TEXT NOT NULL, active INTEGER NOT NULL, failed INTEGER NOT NULL, locked_until TEXT NOT NULL
) STRICT;

-- What is written stays: the database itself refuses to change a fact.
CREATE TRIGGER event_kept BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'a fact is never changed'); END;
CREATE TRIGGER event_held BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'a fact is never deleted'); END;
CREATE TRIGGER dose_kept BEFORE UPDATE ON dose BEGIN SELECT RAISE(ABORT, 'a fact is never changed'); END;
CREATE TRIGGER dose_held BEFORE DELETE ON dose BEGIN SELECT RAISE(ABORT, 'a fact is never deleted'); END;
CREATE TRIGGER dose_change_kept BEFORE UPDATE ON dose_change BEGIN SELECT RAISE(ABORT, 'a fact is never changed'); END;
CREATE TRIGGER dose_change_held BEFORE DELETE ON dose_change BEGIN SELECT RAISE(ABORT, 'a fact is never deleted'); END;
CREATE TRIGGER audit_kept BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is never changed'); END;
CREATE TRIGGER audit_held BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is never deleted'); END;
CREATE TRIGGER movement_kept BEFORE UPDATE ON movement BEGIN SELECT RAISE(ABORT, 'a fact is never changed'); END;
CREATE TRIGGER movement_held BEFORE DELETE ON movement BEGIN SELECT RAISE(ABORT, 'a fact is never deleted'); END;
"""
