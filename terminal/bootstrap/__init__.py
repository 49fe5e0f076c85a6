"""The wiring: settings, key, store, scanners, printers and the region become a running terminal."""

from terminal.bootstrap.courier import courier_in, courier_out
from terminal.bootstrap.home import (
    Home,
    find_home,
    found_records,
    only_one,
    open_desk,
    set_up_logging,
    unlock,
    use_published,
    world_of,
)
from terminal.bootstrap.hub import hub_client, join_hub, set_hub
from terminal.bootstrap.machine import Terminal
from terminal.bootstrap.region import CLIENT, enrol_terminal, read_ca, region_client, sync_alone
from terminal.usecases.desk import Desk

__all__ = [
    "CLIENT",
    "Desk",
    "Home",
    "Terminal",
    "courier_in",
    "courier_out",
    "enrol_terminal",
    "find_home",
    "found_records",
    "hub_client",
    "join_hub",
    "only_one",
    "open_desk",
    "read_ca",
    "region_client",
    "set_hub",
    "set_up_logging",
    "sync_alone",
    "unlock",
    "use_published",
    "world_of",
]
