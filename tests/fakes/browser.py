"""A real Chromium without a window, driven over its debugging pipe (Chrome DevTools Protocol, JSON ended by NUL)."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

PROGRAMS = ("chromium-headless-shell", "chromium", "google-chrome")
_WAIT_S = 30.0


class Browser:
    """One page of one browser, as a context manager. It believes the certificates of `ca_spki` alone (base64 SHA-256 of
    a public key, as Chromium's --ignore-certificate-errors-spki-list wants it)."""

    def __init__(self, folder: Path, ca_spki: str, language: str = "en") -> None:
        program = next(found for name in PROGRAMS if (found := shutil.which(name)))
        self._command = [
            program, "--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
            "--no-proxy-server",
            f"--user-data-dir={folder}", f"--lang={language}", f"--accept-lang={language}",
            f"--ignore-certificate-errors-spki-list={ca_spki}", "--window-size=1366,768",
        ]  # fmt: skip
        self._number, self._held = 0, b""
        self._events: list[dict[str, Any]] = []
        self.problems: list[str] = []  # what the console and the log said

    def __enter__(self) -> Browser:
        ours_in, theirs_out = os.pipe()
        theirs_in, self._out = os.pipe()
        self._in = ours_in

        def plug() -> None:  # the browser reads its file 3 and writes its file 4
            high_in, high_out = os.dup(theirs_in), os.dup(theirs_out)
            os.dup2(high_in, 3)
            os.dup2(high_out, 4)

        self._process = subprocess.Popen(
            self._command,
            preexec_fn=plug,
            close_fds=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        os.close(self._out)  # it ends when the pipe does
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._in)

    def go(self, address: str) -> None:
        """Open a page and wait until it is there."""
        self._after(lambda: self.call("Page.navigate", url=address))

    def click(self, selector: str) -> None:
        """Click what leads to another page."""
        self._after(lambda: self.run(f"document.querySelector({json.dumps(selector)}).click()"))

    def type(self, selector: str, text: str) -> None:
        """As keys would: the field has the focus and the text is put in."""
        self.run(f"document.querySelector({json.dumps(selector)}).focus()")
        self.call("Input.insertText", text=text)

    def choose(self, selector: str, value: str) -> None:
        self.run(f"document.querySelector({json.dumps(selector)}).value = {json.dumps(value)}")

    def text(self, selector: str = "body") -> str:
        """What a person reads there."""
        return str(self.run(f"document.querySelector({json.dumps(selector)}).innerText"))

    def count(self, selector: str) -> int:
        return int(self.run(f"document.querySelectorAll({json.dumps(selector)}).length"))

    @property
    def path(self) -> str:
        return str(self.run("location.pathname"))

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        said = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in said, said
        return said["result"].get("value")

    def picture(self) -> bytes:
        """The window as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def cookies(self) -> list[dict[str, Any]]:
        return list(self.call("Network.getCookies")["cookies"])

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One command of the protocol to the page."""
        return self._call(method, self._session, **params)

    def _call(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        os.write(self._out, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + _WAIT_S
        while True:
            said = self._next(until)
            if said.get("id") == self._number:
                assert "error" not in said, said
                return dict(said["result"])

    def _after(self, act: Any) -> None:
        self._events.clear()
        act()
        until = time.monotonic() + _WAIT_S
        while not any(event["method"] == "Page.loadEventFired" for event in self._events):
            self._next(until)

    def _next(self, until: float) -> dict[str, Any]:
        while b"\0" not in self._held:
            ready, _, _ = select.select([self._in], [], [], max(0.0, until - time.monotonic()))
            piece = os.read(self._in, 1 << 20) if ready else b""
            assert piece, "the browser says nothing"
            self._held += piece
        line, _, self._held = self._held.partition(b"\0")
        said: dict[str, Any] = json.loads(line)
        entry = said.get("params", {}).get("entry", {})
        if said.get("method") == "Runtime.exceptionThrown" or entry.get("level") in ("warning", "error"):
            self.problems.append(json.dumps(said["params"]))
        if "method" in said:
            self._events.append(said)
        return said
