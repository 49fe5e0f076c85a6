"""What a day weighs on the wire: 300 doses in about 150 visits, with stock, slips and health questions."""

from __future__ import annotations

from domain.wire import batch
from sync import batches, crypto
from tests.fakes.day import day_of


def sealed_bytes(stored: list[bytes]) -> int:
    """All batches of these events as they travel, headers, signatures and seals included."""
    terminal, region = crypto.private_from_int(11), crypto.private_from_int(12)
    total = 0
    for at in range(0, len(stored), batch.MAX_EVENTS):
        run = stored[at : at + batch.MAX_EVENTS]
        key_id = crypto.key_id(region.public_key())
        some_id, some_hash, client = "01a1ff00-0000-7000-8000-00000000000a", "ab" * 32, "vaxdesk/0.1.0"
        made_at = "2026-11-22T08:00:00.000Z"
        header = batch.Header(
            1,
            batch.SUITE,
            some_id,
            "00" * 16,
            at + 1,
            at + len(run),
            len(run),
            some_hash,
            some_hash,
            key_id,
            made_at,
            -137,
            some_hash,
            client,
        )
        total += len(batches.seal(header, run, terminal, region.public_key()))
    return total


def test_a_day_on_the_wire() -> None:
    day, visits = day_of(300)
    doses = [stored for kind, stored in day.stored if kind == "dose.given"]
    per_visit = sealed_bytes([stored for _, stored in day.stored]) / visits
    per_dose = sealed_bytes(doses) / len(doses)
    print(f"\n{len(doses)} doses, {visits} visits: {per_dose:.0f} B a dose.given, {per_visit:.0f} B a whole visit")
    assert per_dose <= 105
    assert per_visit <= 250
