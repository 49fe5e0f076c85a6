"""The database's versions, in order: one module each, SQL frozen for ever once released."""

from terminal.store.migrations import m0001_initial, m0002_schedule

STEPS: tuple[str, ...] = (m0001_initial.SQL, m0002_schedule.SQL)
VERSION = len(STEPS)
