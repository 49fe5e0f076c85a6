"""Settings of one terminal: a TOML file, decoded strictly into frozen structs and passed as arguments."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from config.texts import Language
from domain.errors import ConfigError


class Clinic(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The clinic. `code` is its ten digits (county 6, township 2, unit 2); `booklet_pattern` a regular expression."""

    code: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{10}$")]
    name: str
    zone: str = "Asia/Shanghai"
    booklet_pattern: str = r"\d{10}"

    def __post_init__(self) -> None:
        try:
            re.compile(self.booklet_pattern)
        except (re.error, OverflowError, RecursionError) as fault:
            raise ValueError(f"booklet_pattern: {fault}") from fault


class Scanner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One scanner. `terminator` ends a scan; `gs_substitute` is what the device sends for GS, "" if GS itself.

    `serial` is read at `port`. `hid`, a keyboard taken from the desktop (Linux), is found by `usb`
    ("vendor:product" or "vendor:product:serial", hexadecimal) or `port`. `wedge` types into the window.
    `gs_key`: the key a hid or wedge sends for GS, beside Ctrl+]. `gs_proven`: a test sheet has shown that GS arrives.
    `aim_ids`: the device names the symbology before each scan. For a wedge, keys at most `wedge_gap_ms` apart, at
    least `wedge_least` of them, are a scan; slower or fewer are typing.
    """

    name: str
    port: str = ""
    kind: Literal["serial", "hid", "wedge"] = "serial"
    usb: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{4}:[0-9a-f]{4}(:.+)?)?$")] = ""
    baud: Annotated[int, msgspec.Meta(ge=300)] = 9600
    terminator: str = "\r"
    gs_substitute: str = ""
    gs_key: Annotated[str, msgspec.Meta(pattern=r"^(F([1-9]|1[0-2]))?$")] = ""
    gs_proven: bool = False
    aim_ids: bool = False
    idle_ms: Annotated[int, msgspec.Meta(ge=50, le=1000)] = 120
    repeat_ms: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 400
    wedge_gap_ms: Annotated[int, msgspec.Meta(ge=10, le=100)] = 50
    wedge_least: Annotated[int, msgspec.Meta(ge=4, le=20)] = 6

    def __post_init__(self) -> None:
        if self.kind == "serial" and not self.port:
            raise ValueError("port: a serial scanner needs one")
        if self.kind == "hid" and not (self.port or self.usb):
            raise ValueError("usb: a hid scanner needs usb or port")


class Printer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One printer. `address` is host:port for tcp, a device for serial and usb (/dev/usb/lp0), a path for file, the
    queue's name for cups and spool (Windows). `dots` is the printable width of a receipt printer; `media` the sheet
    that cups prints on; `flow` how a serial printer says stop."""

    name: str
    kind: Literal["tcp", "serial", "file", "usb", "cups", "spool"]
    address: str
    role: Literal["slip", "page"] = "slip"
    baud: int = 9600
    flow: Literal["none", "xonxoff", "rtscts"] = "none"
    dots: int = 576
    media: Literal["A5", "A4"] = "A5"
    receipt_ttl_s: int = 4 * 3600


class Region(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The region's server: `url` https, `ca_file` the pinned private CA (PEM), relative to the settings file."""

    url: str
    ca_file: str


class Hub(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The clinic's own hub on its network: as of Region."""

    url: str
    ca_file: str


class Backup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Backups: `directory` on this disk or another, `second_medium` takes unsent sealed batches after each visit."""

    directory: str = "backups"
    second_medium: str = ""
    every_h: int = 24
    keep: int = 14


class Programme(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is given when: `editions` by name, none named means every edition of the national programme that ships.

    `supplement` the self-paid vaccines, "" without; `max_injections` in one visit, beyond which a reason is asked for.
    """

    editions: tuple[str, ...] = ()
    supplement: str = "cn-self-paid"
    max_injections: Annotated[int, msgspec.Meta(ge=1)] | None = None


class Sound(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The tones of the counter: `on`, and how loud, 1-100."""

    on: bool = True
    volume: Annotated[int, msgspec.Meta(ge=1, le=100)] = 60


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings of a terminal. Paths are relative to the settings file's folder."""

    clinic: Clinic
    desk: str = "1"
    language: Language = "zh_CN"
    data: str = "data"
    idle_lock_s: int = 300
    scanners: tuple[Scanner, ...] = ()
    printers: tuple[Printer, ...] = ()
    region: Region | None = None
    hub: Hub | None = None
    backup: Backup = Backup()
    programme: Programme = Programme()
    sound: Sound = Sound()

    def __post_init__(self) -> None:
        if sum(scanner.kind == "wedge" for scanner in self.scanners) > 1:
            raise ValueError("scanners: only one can be a wedge, as a window cannot tell two keyboards apart")


def load(path: Path) -> Settings:
    """Read and check a settings file. Raises ConfigError naming the file and the key."""
    try:
        settings = msgspec.toml.decode(path.read_bytes(), type=Settings)
        ZoneInfo(settings.clinic.zone)
    except FileNotFoundError as fault:
        raise ConfigError("config.no_file", path=str(path)) from fault
    except ZoneInfoNotFoundError as fault:
        raise ConfigError(
            "config.bad_setting", path=str(path), detail=f"clinic.zone: {settings.clinic.zone}"
        ) from fault
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError, OSError, ValueError) as fault:
        raise ConfigError("config.bad_setting", path=str(path), detail=str(fault)) from fault
    return settings
