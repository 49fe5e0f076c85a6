"""`python -m regional`: run a region, give out enrolment codes, look at terminals, revoke one."""

from __future__ import annotations

import argparse
import getpass
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from config.texts import LANGUAGES, say
from domain.errors import VaxdeskError
from domain.world import World
from regional import administration, backup, processes, queries
from regional.keys import KeyRing
from regional.relay import EVERY_S, EVERY_VARIABLE
from regional.serve import DSN_VARIABLE, PAGES_DSN_VARIABLE, EmbeddedRegion, serve


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0; 1 when something is wrong, said on standard error."""
    options = _parser().parse_args(arguments)
    level = logging.ERROR if options.quiet else logging.INFO
    logging.basicConfig(level=level, format="%(asctime)s %(name)s %(message)s", stream=sys.stderr)
    try:
        options.run(options)
    except VaxdeskError as fault:
        for language in LANGUAGES:
            sys.stderr.write(say(language, fault.code, **fault.params) + "\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m regional", description="Vaxdesk region server")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--data", type=Path, default=Path("region-data"), help="the region's folder (keys, certificates)"
    )
    common.add_argument(
        "--dsn", default=os.environ.get(DSN_VARIABLE), help="a PostgreSQL of your own instead of the embedded one"
    )
    common.add_argument("--quiet", action="store_true", help="log only what is wrong")
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    verb = verbs.add_parser("serve", parents=[common], help="run the region")
    verb.add_argument("--host", default="127.0.0.1")
    verb.add_argument("--port", type=int, default=8443)
    verb.add_argument("--name", action="append", default=[], help="a further DNS name or address of this server")
    verb.add_argument("--api-processes", type=int, default=os.cpu_count() or 1)
    verb.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    verb.set_defaults(run=_serve)

    verb = verbs.add_parser("code", parents=[common], help="a one-time code to enrol a terminal, good for 24 hours")
    verb.add_argument("--clinic", required=True, help="the clinic's ten-digit code")
    verb.add_argument("--name", required=True, help="the clinic's name")
    verb.add_argument("--desk", default="1")
    verb.add_argument("--hub", action="store_true", help="for the clinic's hub instead of a desk")
    verb.set_defaults(run=_code)

    verb = verbs.add_parser("terminals", parents=[common], help="list the terminals")
    verb.set_defaults(run=_terminals)

    verb = verbs.add_parser("revoke", parents=[common], help="a lost terminal may not send any more")
    verb.add_argument("terminal_id")
    verb.set_defaults(run=_revoke)

    verb = verbs.add_parser("restored", parents=[common], help="say that the database was restored from a backup")
    verb.set_defaults(run=_restored)

    verb = verbs.add_parser("publish", parents=[common], help="a document for every terminal, in force from a day on")
    verb.add_argument("name", help="such as cn-nip, products, recalled-lots, notices")
    verb.add_argument("file", type=Path)
    verb.add_argument("--effective", type=date.fromisoformat, required=True, help="YYYY-MM-DD")
    verb.set_defaults(run=_publish)

    verb = verbs.add_parser("recipients", parents=[common], help="who received a dose of a lot")
    verb.add_argument("lot_no")
    verb.add_argument("--maker", default="", help="of this maker alone")
    verb.set_defaults(run=_recipients)

    for name, what in (
        ("backup", "copy what is new into a folder of another disk: it is then safe"),
        ("verify", "read a copy whole"),
        ("restore", "fill an empty region from a copy"),
    ):
        verb = verbs.add_parser(name, parents=[common], help=what)
        verb.add_argument("folder", type=Path)
        verb.set_defaults(run={"backup": _backup, "verify": _verify, "restore": _restore}[name])

    for role in ("api", "worker", "relay"):  # processes of `serve`, the last of a hub's
        verb = verbs.add_parser(role, parents=[common])
        verb.set_defaults(run={"api": _api, "worker": _worker, "relay": _relay}[role])
        if role == "api":
            verb.add_argument("listener", type=int)
    return parser


def _serve(options: argparse.Namespace) -> None:
    def ready(region: EmbeddedRegion) -> None:
        sys.stdout.write(f"{region.url} {region.ca_file}\n")
        sys.stdout.flush()

    serve(
        options.data,
        host=options.host,
        port=options.port,
        names=tuple(options.name),
        dsn=options.dsn,
        api_processes=options.api_processes,
        workers=options.workers,
        ready=ready,
    )


@contextmanager
def _dsn(options: argparse.Namespace) -> Iterator[str]:
    with administration.reach(options.data, options.dsn) as dsn:
        yield dsn


def _code(options: argparse.Namespace) -> None:
    place = {"clinic": options.clinic, "name": options.name, "desk": "hub" if options.hub else options.desk}
    folder = options.data / "keys"
    with _dsn(options) as dsn:
        keys = KeyRing(folder, World().now()) if folder.is_dir() else None
        code = administration.give_code(dsn, keys, World(), getpass.getuser(), **place, hub=options.hub)
    sys.stdout.write(code + "\n")


def _terminals(options: argparse.Namespace) -> None:
    with _dsn(options) as dsn:
        for row in queries.terminals(dsn):
            sys.stdout.write("\t".join(str(column) for column in row) + "\n")


def _revoke(options: argparse.Namespace) -> None:
    with _dsn(options) as dsn:
        administration.revoke(dsn, World(), getpass.getuser(), options.terminal_id)


def _restored(options: argparse.Namespace) -> None:
    with _dsn(options) as dsn:
        administration.restored(dsn, World(), getpass.getuser())


def _publish(options: argparse.Namespace) -> None:
    world, what = World(), (options.name, options.file, options.effective)
    keys = KeyRing(options.data / "keys", world.now())
    with _dsn(options) as dsn:
        said = administration.publish(dsn, keys, world, getpass.getuser(), *what)
    sys.stdout.write(f"{said.number}\t{said.name}\t{said.version}\t{said.effective_on}\n")


def _recipients(options: argparse.Namespace) -> None:
    with _dsn(options) as dsn:
        for one in administration.recipients(dsn, World(), getpass.getuser(), options.lot_no, options.maker):
            sys.stdout.write(f"{one.clinic}\t{one.child_id}\t{one.dose_id}\t{one.stated}\n")


def _backup(options: argparse.Namespace) -> None:
    with _dsn(options) as dsn:
        report = backup.back_up(dsn, options.folder, World())
    sys.stdout.write(f"batches\t{report.fresh}\n")


def _verify(options: argparse.Namespace) -> None:
    _say_copy(backup.verify(options.folder, KeyRing(options.data / "keys", World().now())))


def _restore(options: argparse.Namespace) -> None:
    keys = KeyRing(options.data / "keys", World().now())
    with _dsn(options) as dsn:
        _say_copy(administration.restore(dsn, keys, World(), getpass.getuser(), options.folder))


def _say_copy(report: backup.Report) -> None:
    sys.stdout.write(f"batches\t{report.batches}\nevents\t{report.events}\nunopened\t{report.sealed_for_others}\n")


def _api(options: argparse.Namespace) -> None:
    processes.api(options.data, options.dsn, options.listener, os.environ.get(PAGES_DSN_VARIABLE, ""))


def _worker(options: argparse.Namespace) -> None:
    processes.work(options.data, options.dsn)


def _relay(options: argparse.Namespace) -> None:
    processes.carry(options.data, options.dsn, float(os.environ.get(EVERY_VARIABLE, EVERY_S)))


if __name__ == "__main__":
    sys.exit(main())
