"""The floor of receiving: the region's own HTTP stack with an application that only inserts what comes.

`python -m tests.bench.raw_inbox FOLDER FD`, the database in the region's variable, as `python -m regional api`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Response

from domain.world import World
from regional import app, processes
from regional.database import Pool
from regional.keys import KeyRing
from regional.serve import DSN_VARIABLE

_ANSWER = bytes(600)  # as long as an acknowledgement
INSERT = (
    "INSERT INTO batch (terminal_id, epoch, first_seq, last_seq, last_hash, file, received_at)"
    " VALUES (%s, %s, %s, %s, %s, %b, now())"
)


def create(pool: Pool, _keys: KeyRing, _world: World, started: Callable[[], None]) -> FastAPI:
    """Believes everything, keeps it, answers after the commit."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        started()
        yield
        pool.close()

    raw = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)

    @raw.put("/v1/batches/{terminal_id}/{epoch}/{first}-{last}")
    def batches(terminal_id: app.Name, epoch: app.Name, first: int, last: int, asked: app.Signed) -> Response:
        with pool.transaction() as connection:
            connection.execute(INSERT, (terminal_id, epoch, first, last, bytes(32), asked.body))
        return Response(_ANSWER)

    return raw


if __name__ == "__main__":
    app.create = create
    processes.api(Path(sys.argv[1]), os.environ[DSN_VARIABLE], int(sys.argv[2]))
