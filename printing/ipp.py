"""Questions to a CUPS scheduler in the Internet Printing Protocol (RFC 8010, RFC 8011): just enough to read states.

`lpstat` does not do: it gives a job that was given up and one that is done the same words (CUPS 2.4.2).
"""

from __future__ import annotations

import http.client
import os
import socket
import struct
from pathlib import Path

GET_JOB_ATTRIBUTES, GET_PRINTER_ATTRIBUTES = 0x0009, 0x000B
NOT_FOUND = 0x0406
TIMEOUT_S = 10.0
SOCKET = Path("/run/cups/cups.sock")

_OPERATION, _END = 0x01, 0x03
_INTEGER, _BOOLEAN, _ENUM, _KEYWORD, _URI, _CHARSET, _LANGUAGE = 0x21, 0x22, 0x23, 0x44, 0x45, 0x47, 0x48
_HEAD = struct.Struct(">HHI")  # version, operation or status, request

Value = int | bool | str


def ask(operation: int, target: str, path: str, wanted: tuple[str, ...]) -> dict[str, list[Value]] | None:
    """Attributes of the printer or job at `path` of the local scheduler; None when there is none such.

    `target` names what `path` is: "printer-uri" or "job-uri". Raises OSError when the scheduler is not there or does
    not speak so.
    """
    body = _HEAD.pack(0x0101, operation, 1) + bytes([_OPERATION])
    body += _attribute(_CHARSET, "attributes-charset", "utf-8") + _attribute(
        _LANGUAGE, "attributes-natural-language", "en"
    )
    body += _attribute(_URI, target, f"ipp://localhost{path}")
    for at, name in enumerate(wanted):  # further values of an attribute have no name
        body += _attribute(_KEYWORD, "" if at else "requested-attributes", name)
    status, found = _decoded(_post(path if target == "printer-uri" else "/", body + bytes([_END])))
    if status == NOT_FOUND:
        return None
    if status >= 0x0100:
        raise OSError(f"IPP status {status:#06x}")
    return found


def _attribute(tag: int, name: str, value: str) -> bytes:
    parts = (part.encode() for part in (name, value))
    return bytes([tag]) + b"".join(struct.pack(">H", len(part)) + part for part in parts)


def _decoded(data: bytes) -> tuple[int, dict[str, list[Value]]]:
    found: dict[str, list[Value]] = {}
    try:
        _, status, _ = _HEAD.unpack_from(data)
        at, name = _HEAD.size, ""
        while data[at] != _END:
            tag, at = data[at], at + 1
            if tag < 0x10:  # a new group
                continue
            given, at = _text(data, at)
            value, at = _text(data, at)
            name = given.decode() or name
            found.setdefault(name, []).append(_value(tag, value))
    except (struct.error, IndexError, UnicodeDecodeError) as fault:
        raise OSError("no IPP answer") from fault
    return status, found


def _text(data: bytes, at: int) -> tuple[bytes, int]:
    (size,) = struct.unpack_from(">H", data, at)
    return data[at + 2 : at + 2 + size], at + 2 + size


def _value(tag: int, value: bytes) -> Value:
    if tag in (_INTEGER, _ENUM):
        return int.from_bytes(value, "big", signed=True)
    return value == b"\1" if tag == _BOOLEAN else value.decode()


def _post(path: str, body: bytes) -> bytes:
    line = _Local()
    try:
        line.request("POST", path, body, {"Content-Type": "application/ipp"})
        answer = line.getresponse()
        data = answer.read(65536)
        if answer.status != http.client.OK:
            raise OSError(f"HTTP status {answer.status}")
    except http.client.HTTPException as fault:
        raise OSError(type(fault).__name__) from fault
    finally:
        line.close()
    return data


class _Local(http.client.HTTPConnection):
    """To where lp goes: CUPS_SERVER (host:port or a socket's path), else the scheduler's socket, else port 631."""

    def __init__(self) -> None:
        server = os.environ.get("CUPS_SERVER", "") or (str(SOCKET) if SOCKET.exists() else "localhost:631")
        self._path = server if server.startswith("/") else ""
        host, _, port = server.partition(":")
        super().__init__(
            "localhost" if self._path else host, int(port or 631) if not self._path else 631, timeout=TIMEOUT_S
        )

    def connect(self) -> None:
        if not self._path:
            return super().connect()
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT_S)
        self.sock.connect(self._path)
        return None
