"""Whatever the program notes in the audit, its reader reads in words."""

from __future__ import annotations

import ast

from config.texts import table
from tests.unit.test_texts import name_of, trees

AT_RUN_TIME = {"staff.added", "staff.changed"}  # terminal/usecases/staff_change.py chooses between them


def noted() -> set[str]:
    """The action of every `entry.audit(action, ...)` and `ledger.note(store, world, actor, action, ...)`."""
    calls = [call for tree in trees().values() for call in ast.walk(tree) if isinstance(call, ast.Call)]
    firsts = [call.args[0] for call in calls if name_of(call) == "audit" and call.args]
    firsts += [call.args[3] for call in calls if name_of(call) == "note" and len(call.args) > 3]
    return {first.value for first in firsts if isinstance(first, ast.Constant) and isinstance(first.value, str)}


def test_every_action_has_its_words() -> None:
    actions = noted() | AT_RUN_TIME
    assert len(actions) > 40
    assert sorted(a for a in actions if f"ui.audit.did.{a}" not in table()) == []


def test_no_words_for_what_nobody_does() -> None:
    told = {code.removeprefix("ui.audit.did.") for code in table() if code.startswith("ui.audit.did.")}
    assert told - noted() - AT_RUN_TIME == set()
