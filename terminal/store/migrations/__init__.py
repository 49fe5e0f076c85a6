"""The database's versions, in order: one module each, SQL frozen for ever once released."""

from terminal.store.migrations import m0001_initial, m0002_schedule, m0003_staff, m0004_arrivals, m0005_told

STEPS: tuple[str, ...] = (
    m0001_initial.SQL,
    m0002_schedule.SQL,
    m0003_staff.SQL,
    m0004_arrivals.SQL,
    m0005_told.SQL,
)
VERSION = len(STEPS)
