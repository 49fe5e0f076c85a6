"""`vaxdesk init`: settings, key and an empty database for this PC, the first account and the code for the envelope."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from domain.errors import ConfigError, StoreError
from terminal import bootstrap
from terminal.commands.line import DONE, FAILED, Say
from terminal.commands.opening import opened, secret, tell
from terminal.commands.staff_emergency_code import paper
from terminal.store import staff
from terminal.usecases.desk import Outcome
from terminal.usecases.sign_in import first_staff
from terminal.usecases.staff_emergency import first_emergency_code

SHORTEST_PASSPHRASE = 12
_SETTINGS = """# Settings of this Vaxdesk terminal. Unknown keys are refused; see docs/settings.md for all of them.
desk = "{desk}"
language = "{language}"

[clinic]
code = "{code}"
name = "{name}"
{scanner}{printer}{region}"""


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """Write vaxdesk.toml unless it is there, make the records, add the first account; goes on where it was left."""
    settings.parent.mkdir(parents=True, exist_ok=True)
    home = bootstrap.find_home(settings) if settings.exists() else _written(settings, args)
    with bootstrap.only_one(home):
        if not home.records.exists():
            passphrase = secret(say("cli.init.recovery"))
            if len(passphrase) < SHORTEST_PASSPHRASE:
                print(say("key.passphrase_too_short"), file=sys.stderr)
                return FAILED
            bootstrap.found_records(home, passphrase, bootstrap.world_of(home))
        with opened(home, say) as desk:
            if desk.store.run(staff.everyone, desk.store):
                raise StoreError("store.exists", path=str(home.data))
            pin = secret(say("cli.init.pin"))
            outcome = first_staff(desk, args.admin or "admin", args.admin_name or "admin", ("super",), pin)
            sealed = first_emergency_code(desk) if outcome.ok else Outcome[str]()
    tell(outcome.problems, say)
    if not outcome.ok:
        return FAILED
    print(paper(say, sealed.value or ""))
    print(say("cli.init.done", path=str(settings)))
    return DONE


def _written(settings: Path, args: argparse.Namespace) -> bootstrap.Home:
    """New settings; those that cannot be are not left behind for the next try."""
    settings.write_text(_toml(args), encoding="utf-8")
    try:
        return bootstrap.find_home(settings)
    except ConfigError:
        settings.unlink()
        raise


def _toml(args: argparse.Namespace) -> str:
    quoted = {
        name: value.replace("\\", "").replace('"', "") for name, value in vars(args).items() if isinstance(value, str)
    }
    printer = quoted["printer"] and f'\n[[printers]]\nname = "slip"\nkind = "tcp"\naddress = "{quoted["printer"]}"\n'
    scanner = quoted["scanner"] and f'\n[[scanners]]\nname = "counter"\nport = "{quoted["scanner"]}"\n'
    ca = quoted["ca"] or "region-ca.pem"
    region = quoted["region"] and f'\n[region]\nurl = "{quoted["region"]}"\nca_file = "{ca}"\n'
    return _SETTINGS.format(
        desk=quoted["desk"] or "1",
        language=args.lang,
        code=quoted["clinic_code"] or "0000000000",
        name=quoted["clinic_name"] or "Vaxdesk",
        scanner=scanner,
        printer=printer,
        region=region,
    )
