"""The words after `vaxdesk`, and what comes out when something is wrong.

Exit codes: 0 done; 1 it could not be done (said in words); 2 the words were not understood;
3 `doctor` or a check found something to mend.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from config.texts import LANGUAGES, Language, say, speak_throughout
from domain.errors import VaxdeskError
from domain.permissions import GRADES
from terminal import VERSION
from terminal.commands import line_hub, line_region

Say = Callable[..., str]
DONE, FAILED, MISUSED, TO_MEND = 0, 1, 2, 3


def run(words: list[str]) -> int:
    """Parse, carry out, answer with an exit code; a fault of the world is told in words."""
    language = _language(words)
    speak_throughout(language)
    args = parser(language).parse_args(words)
    module = importlib.import_module(f"terminal.commands.{args.module}")
    speak = _speaker(language)
    try:
        return int(module.run(args.home / "vaxdesk.toml", args, speak))
    except VaxdeskError as fault:
        print(speak(fault.code, **fault.params), file=sys.stderr)
        return FAILED
    except BrokenPipeError:  # who reads our output has enough of it: `... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except OSError as fault:  # a folder we may not write, a full disk: the system's words, in a sentence
        if fault.errno is None:
            raise
        print(speak("cli.os_error", path=fault.filename or "-", detail=fault.strerror), file=sys.stderr)
        return FAILED
    except (KeyboardInterrupt, EOFError):
        return FAILED


def _speaker(language: Language) -> Say:
    return lambda code, /, **params: say(language, code, **params)


def _language(words: list[str]) -> Language:
    """--lang, else that of the PC: Chinese where LANG says so."""
    if "--lang" in words[:-1] and words[words.index("--lang") + 1] in LANGUAGES:
        return words[words.index("--lang") + 1]  # type: ignore[return-value]  # it is one of LANGUAGES
    return "zh_CN" if os.environ.get("LANG", "").startswith("zh") else "en"


def parser(language: Language) -> argparse.ArgumentParser:
    """All commands with their help in `language`."""

    def text(name: str) -> str:
        return say(language, f"cli.{name}")

    top = argparse.ArgumentParser(prog="vaxdesk", description=text("about"), epilog=text("exit_codes"))
    top.add_argument("--version", action="version", version=f"vaxdesk {VERSION}")
    default = Path(os.environ.get("VAXDESK_HOME", Path.home() / ".vaxdesk"))
    top.add_argument("--home", type=Path, default=default, metavar=text("folder"), help=text("home"))
    top.add_argument("--lang", choices=LANGUAGES, default=language, help=text("lang"))
    top.add_argument("--self-check", dest="module", action="store_const", const="self_check", help=text("self_check"))
    top.set_defaults(module="kiosk")
    verbs = top.add_subparsers(title=text("commands"), metavar=text("command"))

    def verb(name: str, module: str, parent: Any = verbs) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = parent.add_parser(
            name, help=text(f"{module}.help"), description=text(f"{module}.help")
        )
        made.set_defaults(module=module)
        return made

    def group(name: str) -> Any:
        made = verbs.add_parser(name, help=text(f"{name}.help"), description=text(f"{name}.help"))
        return made.add_subparsers(required=True, metavar=text("command"))

    verb("kiosk", "kiosk")
    demo = verb("demo", "demo")
    demo.add_argument("--headless", action="store_true", help=text("demo.headless"))
    demo.add_argument("--json", action="store_true", help=text("demo.json"))
    demo.add_argument("--seed", type=int, default=20261122, help=text("demo.seed"))
    demo.add_argument("--out", type=Path, default=Path("demo-out"), help=text("demo.out"))
    for name in ("region", "ca", "code"):
        demo.add_argument(f"--{name}", default="", help=text(f"demo.{name}"))
    init = verb("init", "init")
    for name in ("clinic-code", "clinic-name", "desk", "region", "ca", "printer", "scanner", "admin", "admin-name"):
        init.add_argument(f"--{name}", default="", help=text(f"init.{name}"))
    enrol = verb("enrol", "enrol")
    enrol.add_argument("--code", default="", help=text("enrol.code"))
    enrol.add_argument("--fingerprint", default="", help=text("enrol.fingerprint_given"))
    staff = group("staff")
    add = verb("add", "staff_add", staff)
    add.add_argument("--code", required=True, help=text("staff_add.code"))
    add.add_argument("--name", required=True, help=text("staff_add.name"))
    add.add_argument("--grade", action="append", required=True, choices=tuple(GRADES), help=text("staff_add.grade"))
    badge, pin = verb("badge", "staff_badge", staff), verb("reset-pin", "staff_reset_pin", staff)
    badge.add_argument("--number", default="", help=text("staff_badge.number"))
    pin.add_argument("--with-recovery", action="store_true", help=text("staff_reset_pin.recovery"))
    for each in (badge, pin):
        each.add_argument("--code", required=True, help=text("staff_add.code"))
    for each in (add, badge, pin, verb("emergency-code", "staff_emergency_code", staff)):
        each.add_argument("--by", default="", help=text("staff_add.by"))
    _programme_verbs(verb, group("programme"), text)
    sync = group("sync")
    verb("now", "sync_now", sync)
    verb("status", "sync_status", sync)
    courier = group("courier")
    for name in ("out", "in"):
        verb(name, f"courier_{name}", courier).add_argument("folder", type=Path, help=text("courier.folder"))
    verb("devices", "devices")
    verb("test", "print_test", group("print")).add_argument("--printer", default="", help=text("print_test.printer"))
    backup = group("backup")
    verb("create", "backup_create", backup)
    verb("verify", "backup_verify", backup).add_argument("file", type=Path, nargs="?", help=text("backup_verify.file"))
    restore = verb("restore", "backup_restore", backup)
    restore.add_argument("file", type=Path, nargs="?", help=text("backup_verify.file"))
    restore.add_argument("--with-recovery", action="store_true", help=text("backup_restore.recovery"))
    key = verb("key", "key_set")
    key.add_argument("slot", choices=("start", "machine", "recovery"), help=text("key_set.slot"))
    key.add_argument("--with-recovery", action="store_true", help=text("key_set.recovery"))
    verb("doctor", "doctor")
    line_hub.verbs(verb, group("hub"), text)
    line_region.verbs(verb, group("region"), text)
    return top


def _programme_verbs(verb: Callable[..., argparse.ArgumentParser], programme: Any, text: Callable[[str], str]) -> None:
    """The commands about immunization programmes."""
    approve = verb("approve", "programme_approve", programme)
    approve.add_argument("name", help=text("programme_approve.name"))
    approve.add_argument("--physician", required=True, help=text("programme_approve.physician"))
    approve.add_argument("--by", default="", help=text("programme_approve.by"))
    importing = verb("import-cdsi", "programme_import_cdsi", programme)
    importing.add_argument("source", type=Path, help=text("programme_import_cdsi.source"))
    importing.add_argument("--out", type=Path, help=text("programme_import_cdsi.out"))
    importing.add_argument("--name", default="us-cdsi", help=text("programme_import_cdsi.name"))
    evaluate = verb("evaluate", "programme_evaluate", programme)
    evaluate.add_argument("--programme", required=True, help=text("programme_evaluate.programme"))
    evaluate.add_argument("--input", default="-", help=text("programme_evaluate.input"))
    evaluate.add_argument("--output", default="-", help=text("programme_evaluate.output"))
    review = verb("review", "programme_review", programme)
    review.add_argument("name", nargs="?", default="", help=text("programme_review.name"))
    review.add_argument("--mark", choices=("S", "S2", "M"), default="", help=text("programme_review.mark"))
    explain = verb("explain", "programme_explain", programme)
    explain.add_argument("child", help=text("programme_explain.child"))
    explain.add_argument("--by", default="admin", help=text("programme_explain.by"))
