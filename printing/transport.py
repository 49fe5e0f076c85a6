"""Bytes to a printer and answers back: raw TCP, serial, file. It always knows how many bytes went out."""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import serial

from config.settings import Printer
from domain.errors import DeviceError
from printing import status

CONNECT_S, WRITE_S, ANSWER_S = 3.0, 20.0, 0.6


class PrinterFault(DeviceError):
    """The printer could not be reached or was lost; `bytes_out` bytes of the document were accepted before."""

    def __init__(self, code: str, bytes_out: int, **params: str) -> None:
        super().__init__(code, "later", **params)
        self.bytes_out = bytes_out


class Port(Protocol):
    """One open connection. `send` gives how many bytes it took; `receive` what came within the time, b"" nothing."""

    answers: bool

    def send(self, data: bytes) -> int: ...

    def receive(self, timeout_s: float) -> bytes: ...

    def close(self) -> None: ...


class _Tcp:
    answers = True

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._socket = socket.create_connection((host, int(port)), CONNECT_S)
        self._socket.settimeout(WRITE_S)

    def send(self, data: bytes) -> int:
        return self._socket.send(data)

    def receive(self, timeout_s: float) -> bytes:
        ready, _, _ = select.select([self._socket], [], [], timeout_s)
        if not ready:
            return b""
        data = self._socket.recv(64)
        if not data:
            raise ConnectionResetError
        return data

    def close(self) -> None:
        self._socket.close()


class _Serial:
    answers = True

    def __init__(self, address: str, baud: int) -> None:
        self._port = serial.Serial(address, baud, timeout=ANSWER_S, write_timeout=WRITE_S, exclusive=True)

    def send(self, data: bytes) -> int:
        return int(self._port.write(data[:256]) or 0)

    def receive(self, timeout_s: float) -> bytes:
        self._port.timeout = timeout_s
        return bytes(self._port.read(1) + self._port.read(self._port.in_waiting))

    def close(self) -> None:
        self._port.close()


class _File:
    answers = False

    def __init__(self, address: str) -> None:
        self._file = os.open(address, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def send(self, data: bytes) -> int:
        return os.write(self._file, data)

    def receive(self, timeout_s: float) -> bytes:  # noqa: ARG002 (a file says nothing)
        return b""

    def close(self) -> None:
        os.fsync(self._file) if os.path.isfile(f"/dev/fd/{self._file}") else None
        os.close(self._file)


@contextmanager
def connected(printer: Printer) -> Iterator[Port]:
    """An open port. Raises PrinterFault with bytes_out 0 when the printer is not to be reached."""
    with _converting(printer, 0):
        port: Port
        if printer.kind == "tcp":
            port = _Tcp(printer.address)
        elif printer.kind == "serial":
            port = _Serial(printer.address, printer.baud)
        else:
            port = _File(printer.address)
    try:
        yield port
    finally:
        with _converting(printer, 0):
            port.close()


def write(printer: Printer, port: Port, data: bytes) -> int:
    """Send all of `data`. Raises PrinterFault saying how much went out before it failed."""
    out = 0
    while out < len(data):
        with _converting(printer, out):
            out += port.send(data[out : out + 4096])
    return out


def ask(printer: Printer, port: Port, bytes_out: int = 0) -> tuple[status.Status, bytes]:
    """The printer's status, and other bytes that came meanwhile (the fence). Raises PrinterFault(bytes_out)."""
    answers: dict[int, int] = {}
    rest = b""
    if not port.answers:
        return status.UNKNOWN, rest
    with _converting(printer, bytes_out):
        for n, question in status.ASK.items():
            port.send(question)
            until = time.monotonic() + ANSWER_S
            while n not in answers and time.monotonic() < until:
                for byte in port.receive(max(0.0, until - time.monotonic())):
                    if status.is_status(byte):
                        answers[n] = byte
                    else:
                        rest += bytes([byte])
            if not answers:
                break  # a printer that does not answer the first question has no way back
    return status.read(answers), rest


def listen(printer: Printer, port: Port, timeout_s: float, bytes_out: int) -> bytes:
    """What the printer says within the time. Raises PrinterFault(bytes_out)."""
    with _converting(printer, bytes_out):
        return port.receive(timeout_s)


def status_of(printer: Printer) -> status.Status:
    """Connect, ask, hang up: for `doctor` and the devices' page; only while no worker owns the printer."""
    try:
        with connected(printer) as port:
            return ask(printer, port)[0]
    except PrinterFault as fault:
        return status.Status("problem", fault.code)


@contextmanager
def _converting(printer: Printer, bytes_out: int) -> Iterator[None]:
    """The one place where the system's errors become ours."""
    try:
        yield
    except PermissionError as fault:
        raise PrinterFault("print.no_permission", bytes_out, printer=printer.name) from fault
    except (serial.SerialTimeoutException, TimeoutError) as fault:
        raise PrinterFault("print.timeout", bytes_out, printer=printer.name) from fault
    except (OSError, serial.SerialException, ValueError) as fault:
        code = "print.lost" if bytes_out else "print.unreachable"
        raise PrinterFault(code, bytes_out, printer=printer.name) from fault
