"""`vaxdesk region escrow-open`: open the records of a rescued disk with the region's escrow key.

Two people do it: both are named, and the audit of the region has them before anything is opened. The key itself is
shown to nobody: a copy of the key file opens with a new recovery passphrase.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from domain.errors import ConfigError, StoreError, VaxdeskError
from domain.world import World
from terminal.commands.init import SHORTEST_PASSPHRASE
from terminal.commands.line import DONE, FAILED, Say
from terminal.commands.opening import secret
from terminal.commands.region_opening import actor, keys_of, reached
from terminal.store import keyfile


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    people = {person.strip().casefold() for person in (args.by, args.second)}
    if len(people) < 2 or "" in people or not args.reason.strip():
        raise ConfigError("region.two_people")
    if args.out.exists():
        raise StoreError("store.exists", path=str(args.out))
    wrapped = keyfile.load(args.key)
    slot = next((slot for slot in wrapped.slots if isinstance(slot, keyfile.EscrowSlot)), None)
    if slot is None:
        raise StoreError("key.no_escrow_slot")
    keys = keys_of(args)
    chosen = secret(say("cli.key.ask_recovery"))
    if len(chosen) < SHORTEST_PASSPHRASE:
        print(say("key.passphrase_too_short"), file=sys.stderr)
        return FAILED
    with reached(args) as dsn:
        from regional import administration, queries

        told = {"db_id": wrapped.db_id, "key_id": slot.region_key_id, "by": args.by, "with": args.second}
        with queries.connect(dsn) as connection:
            now = World().now
            administration.audit(connection, now(), actor(), "escrow.asked", **told, reason=args.reason)
            try:
                key = keyfile.unlock_escrow(wrapped, keys.escrow_key(slot.region_key_id))
                keyfile.save(args.out, keyfile.with_passphrase(wrapped, key, "recovery", chosen, os.urandom))
            except VaxdeskError as fault:
                administration.audit(connection, now(), actor(), "escrow.refused", **told, code=fault.code)
                raise
            administration.audit(connection, now(), actor(), "escrow.opened", **told)
    print(say("cli.region_escrow_open.done", path=args.out))
    return DONE
