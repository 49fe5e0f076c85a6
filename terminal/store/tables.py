"""The tables as peewee models, column for column as the migrations leave them (a test compares).

They are bound to no database: `Store` binds each query, so that two terminals can live in one process.
"""

from __future__ import annotations

from peewee import BlobField, CompositeKey, FloatField, IntegerField, Model, TextField


class Head(Model):
    """Where the ledger stands: one row."""

    one = IntegerField(primary_key=True)
    terminal_id = TextField()
    epoch = TextField()
    seq = IntegerField()
    chain = BlobField()
    hlc = TextField()
    last_at = TextField()
    audit_seq = IntegerField()
    audit_chain = BlobField()
    generation = TextField()
    offset_ms = IntegerField(null=True)


class Event(Model):
    """Facts: the stored bytes are the record."""

    no = IntegerField(primary_key=True)
    event_id = TextField()
    kind = TextField()
    subject = TextField()
    stored = BlobField()


class Outbox(Model):
    """A fact's place in an epoch's chain."""

    epoch = TextField()
    seq = IntegerField()
    event_no = IntegerField()
    chain = BlobField()

    class Meta:
        table_name = "outbox"
        primary_key = CompositeKey("epoch", "seq")


class Batch(Model):
    """Sealed batches; `acked_at` empty until the region has them."""

    epoch = TextField()
    first_seq = IntegerField()
    last_seq = IntegerField()
    last_chain = BlobField()
    sealed_at = TextField()
    acked_at = TextField(null=True)
    copied_at = TextField(null=True)
    blob = BlobField()

    class Meta:
        table_name = "batch"
        primary_key = CompositeKey("epoch", "first_seq")


class Ack(Model):
    """The region's last word per epoch, with its signed proof. After a rewind sealing goes on after `resume_after`."""

    epoch = TextField(primary_key=True)
    received_upto = IntegerField()
    safe_upto = IntegerField()
    resume_after = IntegerField()
    chain = BlobField()
    at = TextField()
    document = BlobField()


class Note(Model):
    """Small named documents: keys, registration, key set, state of the sync line."""

    name = TextField(primary_key=True)
    value = BlobField()


class Lease(Model):
    """Numbers this terminal may give out, for ever; `retired` after a restore, which forgets what was given out."""

    lease_id = TextField(primary_key=True)
    kind = TextField()
    prefix = TextField()
    first = IntegerField()
    last = IntegerField()
    width = IntegerField()
    retired = IntegerField()


class LeaseUse(Model):
    """The next number of a lease in a birth year ("" where years do not count)."""

    lease_id = TextField()
    year = TextField()
    next = IntegerField()

    class Meta:
        table_name = "lease_use"
        primary_key = CompositeKey("lease_id", "year")


class Audit(Model):
    """Who did what, chained."""

    seq = IntegerField(primary_key=True)
    at = TextField()
    actor = TextField()
    action = TextField()
    subject = TextField()
    detail = TextField()
    chain = BlobField()


class Child(Model):
    """A person, as the facts leave them."""

    no = IntegerField(primary_key=True)
    id = TextField()
    name = TextField()
    pinyin = TextField()
    initials = TextField()
    sex = TextField()
    birth_on = TextField()
    birth_time = TextField()
    birth_weight_g = IntegerField()
    birth_hospital = TextField()
    birth_order = IntegerField()
    preterm_weeks = IntegerField()
    mother_hbsag = TextField()
    ethnic = TextField()
    address = TextField()
    area = TextField()
    residence = TextField()
    register_status = TextField()
    clinic = TextField()
    registered_at = TextField()
    known_at = TextField()
    known_from = TextField()
    head = TextField()
    left_for = TextField()


class Identifier(Model):
    """Numbers of a person, with kind and issuer."""

    child_id = TextField()
    kind = TextField()
    value = TextField()
    issuer = TextField()

    class Meta:
        table_name = "identifier"
        primary_key = CompositeKey("value", "kind", "issuer", "child_id")


class Guardian(Model):
    child_id = TextField()
    pos = IntegerField()
    relation = TextField()
    name = TextField()
    phone = TextField()

    class Meta:
        table_name = "guardian"
        primary_key = CompositeKey("child_id", "pos")


class Alert(Model):
    """Allergies, contraindications, conditions."""

    child_id = TextField()
    pos = IntegerField()
    kind = TextField()
    text = TextField()
    vaccines = TextField()
    component = TextField()
    seen_on = TextField()

    class Meta:
        table_name = "alert"
        primary_key = CompositeKey("child_id", "pos")


class Standing(Model):
    """Residence and register status with the day they took effect."""

    event_id = TextField()
    child_id = TextField()
    what = TextField()
    code = TextField()
    from_on = TextField()

    class Meta:
        table_name = "standing"
        primary_key = CompositeKey("child_id", "what", "from_on", "event_id")


class Arrival(Model):
    """The waiting room: who arrived today."""

    child_id = TextField(primary_key=True)
    day = TextField()
    arrived_at = TextField()
    called_at = TextField()


class Visit(Model):
    id = TextField(primary_key=True)
    child_id = TextField()
    opened_at = TextField()
    opened_by = TextField()
    clinic = TextField()
    desk = TextField()
    health = TextField()
    informed = IntegerField()
    booklet = TextField()
    closed_at = TextField(null=True)
    closed_by = TextField(null=True)
    row_written = TextField(null=True)
    observe_until = TextField(null=True)
    terminal = TextField()


class Dose(Model):
    """Doses as given; never changed. `told_by`: the clinic that told it, "" this one."""

    id = TextField(primary_key=True)
    child_id = TextField()
    visit_id = TextField()
    moved_from = TextField(null=True)
    given_on = TextField()
    stated = TextField()
    recorded_at = TextField()
    recorded_by = TextField()
    vaccine = TextField()
    dose_no = IntegerField()
    clinic = TextField()
    giver = TextField()
    lot_id = TextField()
    lot_no = TextField()
    expiry_on = TextField()
    maker = TextField()
    package = TextField()
    vial_no = IntegerField()
    volume_ml = FloatField()
    site = TextField()
    route = TextField()
    funding = TextField()
    kind = TextField()
    verdict = TextField()
    overrides = TextField()
    elsewhere = TextField()
    clock = TextField()
    told_by = TextField()


class DoseChange(Model):
    """Voids, corrections, moves and disputes of doses."""

    event_id = TextField(primary_key=True)
    dose_id = TextField()
    kind = TextField()
    at = TextField()
    actor = TextField()
    body = TextField()
    hlc = TextField()

    class Meta:
        table_name = "dose_change"


class Deferral(Model):
    """Not given: deferred, contraindicated, refused."""

    event_id = TextField(primary_key=True)
    child_id = TextField()
    visit_id = TextField()
    vaccine = TextField()
    outcome = TextField()
    reason = TextField()
    until = TextField()
    at = TextField()


class Forecast(Model):
    """The next dose of a child's vaccine group, as dates; no date is ""."""

    child_id = TextField()
    vaccine_group = TextField()
    pos = IntegerField()
    name_zh = TextField()
    name_en = TextField()
    self_paid = IntegerField()
    dose_no = IntegerField()
    doses = IntegerField()
    vaccines = TextField()
    earliest_on = TextField()
    recommended_on = TextField()
    past_due_on = TextField()
    latest_on = TextField()

    class Meta:
        table_name = "forecast"
        primary_key = CompositeKey("child_id", "vaccine_group")


class Reckoning(Model):
    """By which plan a child's forecast was made, and when."""

    child_id = TextField(primary_key=True)
    plan = TextField()
    edition = TextField()
    assessed_on = TextField()
    event_no = IntegerField()


class Approval(Model):
    """Data of a programme that a physician answers for; never changed."""

    no = IntegerField(primary_key=True)
    programme = TextField()
    edition = TextField()
    digest = TextField()
    physician = TextField()
    staff = TextField()
    at = TextField()


class Checked(Model):
    """Checked but not confirmed."""

    id = TextField(primary_key=True)
    visit_id = TextField()
    child_id = TextField()
    at = TextField()
    actor = TextField()
    body = TextField()
    problems = TextField()


class Lot(Model):
    id = TextField(primary_key=True)
    vaccine = TextField()
    lot_no = TextField()
    expiry_on = TextField()
    maker = TextField()
    product = TextField()
    doses_per_package = IntegerField()
    received_at = TextField()
    recalled = TextField()
    listed = TextField()


class Package(Model):
    """Scanned package codes and the lot they hold."""

    code = TextField(primary_key=True)
    lot_id = TextField()
    received_at = TextField()


class Movement(Model):
    """Every dose that came into or left stock."""

    no = IntegerField(primary_key=True)
    event_id = TextField()
    lot_id = TextField()
    package = TextField()
    vial_no = IntegerField()
    dose_id = TextField()
    kind = TextField()
    doses = IntegerField()
    at = TextField()


class Receipt(Model):
    number = TextField(primary_key=True)
    visit_id = TextField()
    issued_at = TextField()
    document = BlobField()
    voided = TextField()


class PrintJob(Model):
    """The print queue."""

    id = TextField(primary_key=True)
    printer = TextField()
    receipt = TextField()
    document = BlobField()
    copy_no = IntegerField()
    state = TextField()
    attempts = IntegerField()
    bytes_out = IntegerField()
    code = TextField()
    created_at = TextField()
    expires_at = TextField()
    settled_at = TextField(null=True)

    class Meta:
        table_name = "print_job"


class Staff(Model):
    code = TextField(primary_key=True)
    name = TextField()
    pinyin = TextField()
    grades = TextField()
    pin = TextField()
    active = IntegerField()
    must_change = IntegerField()
    last_day = TextField()


class Guard(Model):
    """Wrong PINs in a row, of one member of staff or of the desk ("")."""

    who = TextField(primary_key=True)
    failed = IntegerField()
    locked_until = TextField()


class Badge(Model):
    """Numbers of badges and whose they are; a blocked one is never given again."""

    number = TextField(primary_key=True)
    staff = TextField()
    issued_at = TextField()
    blocked_at = TextField()
    blocked_why = TextField()


class Emergency(Model):
    """Sealed codes for a day on which nobody can sign in."""

    no = IntegerField(primary_key=True)
    code = TextField()
    made_at = TextField()
    made_by = TextField()
    used_at = TextField()
    staff = TextField()
    reviewed_at = TextField()
    reviewed_by = TextField()
    review = TextField()


class Told(Model):
    """Facts that others told, and our own that came back (`stored` None)."""

    no = IntegerField(primary_key=True)
    terminal_id = TextField()
    event_id = TextField()
    clinic = TextField()
    kind = TextField()
    subject = TextField()
    other = TextField()
    hlc = TextField()
    region = IntegerField()
    hub = IntegerField()
    done = IntegerField()
    stored = BlobField(null=True)


class Matter(Model):
    """What a person should know or answer."""

    key = TextField(primary_key=True)
    code = TextField()
    child_id = TextField()
    params = TextField()
    at = TextField()
    settled_at = TextField()
    settled_by = TextField()
    settled_why = TextField()


class Link(Model):
    """Two records of one child."""

    id = TextField(primary_key=True)
    child_id = TextField()
    other = TextField()
    at = TextField()
    actor = TextField()
    reason = TextField()
    ended_by = TextField()


class Request(Model):
    """Corrections asked and answered."""

    id = TextField(primary_key=True)
    dose_id = TextField()
    child_id = TextField()
    asked_by = TextField()
    asked_at = TextField()
    reason = TextField()
    due = TextField()
    fields = TextField()
    outcome = TextField()
    answer = TextField()
    answered_at = TextField()


class Reference(Model):
    """Publications of documents everybody works by."""

    number = IntegerField(primary_key=True)
    name = TextField()
    version = TextField()
    effective_on = TextField()
    published_at = TextField()
    content = BlobField()


class LotAlias(Model):
    """Another desk's id of a lot that is here."""

    id = TextField(primary_key=True)
    lot_id = TextField()

    class Meta:
        table_name = "lot_alias"
