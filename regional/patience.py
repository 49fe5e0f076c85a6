"""Connections that never ask for anything: `uvicorn` keeps them for ever, and many of them keep everybody else out."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol


class Impatient(H11Protocol):
    """HTTP/1.1 that hangs up on a connection without a whole head of a request for `head_s` seconds, at most twice
    that. A body has its own bound (regional/app.py), and between two requests uvicorn's keep-alive."""

    head_s = 30.0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._looked_at: object = None
        self._look_again()

    def connection_lost(self, exc: Exception | None) -> None:
        self._next_look.cancel()
        super().connection_lost(exc)

    def _look_again(self) -> None:
        self._next_look: asyncio.TimerHandle = self.loop.call_later(self.head_s, self._look)

    def _look(self) -> None:
        """A request is a `cycle`: one under way is waited for, the same one as last time is over since long."""
        idle = self.cycle is None or self.cycle.response_complete
        if idle and self.cycle is self._looked_at:
            self.transport.close()
            return
        self._looked_at = self.cycle if idle else None
        self._look_again()
