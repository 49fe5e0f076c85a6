"""Make the kept database of the present version: `python -m tests.data.databases.make`, once a release.

A file is kept for ever and upgraded in tests/store/test_schema.py. Its key is no secret; its one child is nobody's.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from domain.events import Alert, ChildRegistered, DoseGiven, Guardian, Identifier
from domain.wire.signed import Lease
from domain.world import World
from terminal.store import children, doses, migrations
from terminal.store.database import Store
from terminal.store.ledger import found, tell
from terminal.store.outbox import StoreOutbox, open_epoch
from tests.fakes.ledgers import ack_of, header_of, new_world, tell_facts

KEY_OF_FILE = sha256(b"key of the kept databases").digest()
FACTS = 14
CHILD = ChildRegistered(
    "示例",
    "2",
    "2026-05-19",
    identifiers=(Identifier("booklet", "9900000001"),),
    guardians=(Guardian("mother", "示范", "19900000001"),),
    alerts=(Alert("allergy", "对鸡蛋过敏", component="egg"),),
)


def make(path: Path) -> None:
    """Facts in two epochs, sealed, acknowledged and waiting; leases, a note; a child with a dose."""
    store, world = Store(path, KEY_OF_FILE), new_world()
    store.run(found, store, "T-1", "e" * 32)
    outbox = StoreOutbox(store, world)
    tell_facts(store, world, 8)
    run = outbox.unsealed(5, 10**6)
    assert run is not None
    outbox.keep(header_of(run), b"sealed")
    outbox.settle(ack_of("e" * 32, 5, outbox.hash_at(5) or ""), b"proof")
    outbox.add_leases([Lease("L1", "T-1", "child_code", "3301060201", 1, 50, 4)])
    outbox.report("sync.ok", {})
    open_epoch(store, world, "restore")
    tell_facts(store, world, 4)
    store.run(_child, store, world)
    store.close()


def _child(store: Store, world: World) -> None:
    with tell(store, world, "nurse") as entry:
        child_id = entry.fact("child.registered", "", CHILD, "2026-05-20T09:00")
        children.add(entry, child_id, CHILD, "2026-05-20")
        given = DoseGiven("", "0202", 1, "3301060201")
        doses.add(
            entry, entry.fact("dose.given", child_id, given, "2026-05-20T09:05"), child_id, given, "2026-05-20T09:05"
        )


if __name__ == "__main__":
    make(Path(__file__).with_name(f"v{migrations.VERSION}.db"))
