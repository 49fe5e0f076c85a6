"""The morning's figures, counted from the databases and the devices, never from the script."""

from __future__ import annotations

from collections import Counter
from statistics import quantiles
from typing import Any

import msgspec

from terminal.demo.clinic import DemoClinic

_GIVEN = "SELECT event_id FROM event WHERE kind = 'dose.given'"
_TWICE = """
SELECT count(*) FROM (SELECT 1 FROM dose d WHERE NOT EXISTS (SELECT 1 FROM dose_change c WHERE c.dose_id = d.id
AND c.kind IN ('voided', 'moved')) GROUP BY child_id, substr(vaccine, 1, 2), given_on HAVING count(*) > 1)
"""


def count(clinic: DemoClinic, scan_to_screen_s: list[float], record_s: list[float]) -> dict[str, Any]:
    """`lost`: doses on any terminal that the region does not hold. `doubled`: doses held twice anywhere. What the other
    clinic gave before is no dose of this morning."""
    sql = clinic.desk.store.sql
    here = {row[0] for row in sql(_GIVEN)}
    theirs = clinic.neighbour.desk.store.sql if clinic.neighbour else None
    elsewhere = {row[0] for row in theirs(_GIVEN)} if theirs else set()  # doses of the other clinic
    copied = {row[0] for row in sql("SELECT id FROM dose WHERE elsewhere <> ''")}  # histories from paper booklets
    there = clinic.region_doses()
    times = Counter(there)
    twice = sql(_TWICE)[0][0] + (theirs(_TWICE)[0][0] if theirs else 0)
    confirmed = sql("SELECT count(*) FROM print_job WHERE state = 'confirmed'")[0][0]
    return {
        "children": sql("SELECT count(DISTINCT child_id) FROM visit")[0][0],
        "doses_recorded": len(here - copied),
        "doses_refused": sql("SELECT count(*) FROM audit WHERE action = 'dose.refuse'")[0][0],
        "receipts_confirmed": min(confirmed, sum(slip.complete for slip in clinic.printer.slips)),
        "batches_uploaded": clinic.region_batches(),
        "region_doses": len(set(there) - copied - elsewhere),
        "lost": len((here | elsewhere) - set(there)),
        "doubled": sum(n - 1 for n in times.values()) + twice,
        "scan_to_screen_ms_p99": _p99_ms(scan_to_screen_s),
        "record_ms_p99": _p99_ms(record_s),
    }


def _p99_ms(seconds: list[float]) -> float:
    return round(quantiles(seconds, n=100, method="inclusive")[98] * 1000, 2) if len(seconds) > 1 else 0.0


def as_line(figures: dict[str, Any]) -> str:
    return msgspec.json.encode(figures).decode()
