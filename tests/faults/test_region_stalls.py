"""Who connects and says nothing, or never comes to an end, is hung up on; who asks is served."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from regional.patience import Impatient


class Hasty(Impatient):
    head_s = 0.3


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answers after the body has come; a path "/slow" takes longer than a head may."""
    while (await receive()).get("more_body"):
        pass
    if scope["path"] == "/slow":
        await asyncio.sleep(1.0)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    config = uvicorn.Config(application, http=Hasty, ws="none", lifespan="off", log_config=None, timeout_keep_alive=5)
    server, listener = uvicorn.Server(config), socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
    thread.start()
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join(20)
    listener.close()


def hung_up(line: socket.socket) -> bytes:
    """What came before the end."""
    said = b""
    with contextlib.suppress(ConnectionError):
        while data := line.recv(4096):
            said += data
    return said


@pytest.mark.parametrize("begun", [b"", b"GET /", b"GET / HTTP/1.1\r\nHost: x\r\nX: "])
def test_a_head_that_never_ends_is_hung_up_on(port: int, begun: bytes):
    with socket.create_connection(("127.0.0.1", port), 10) as line:
        line.sendall(begun)
        before = time.monotonic()
        assert hung_up(line) == b""
        assert time.monotonic() - before < 5


def test_a_head_that_comes_byte_by_byte_is_hung_up_on_too(port: int):
    """Each byte is in time, the whole is not."""
    with socket.create_connection(("127.0.0.1", port), 10) as line:
        line.settimeout(0.05)
        until = time.monotonic() + 10
        ended = False
        while not ended and time.monotonic() < until:
            with contextlib.suppress(TimeoutError):
                try:
                    line.sendall(b"G")
                    ended = line.recv(1) == b""
                except ConnectionError:
                    ended = True
        assert ended


def test_a_second_request_begun_and_left_is_hung_up_on(port: int):
    with socket.create_connection(("127.0.0.1", port), 10) as line:
        line.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HT")
        assert hung_up(line).endswith(b"ok")


def test_a_slow_answer_and_a_slow_body_are_waited_for(port: int):
    with socket.create_connection(("127.0.0.1", port), 10) as line:
        line.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert hung_up(line).endswith(b"ok")
    with socket.create_connection(("127.0.0.1", port), 10) as line:
        line.sendall(b"PUT / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 12\r\n\r\n")
        line.settimeout(0.1)
        for _ in range(12):
            with contextlib.suppress(TimeoutError):
                line.recv(1)
            line.sendall(b"x")
        line.settimeout(10)
        assert hung_up(line).endswith(b"ok")


def test_hundreds_that_say_nothing_keep_nobody_out(port: int):
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(socket.create_connection(("127.0.0.1", port), 10)) for _ in range(300)]
        with socket.create_connection(("127.0.0.1", port), 10) as line:
            line.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert hung_up(line).endswith(b"ok")
        assert [hung_up(line) for line in silent] == [b""] * 300
