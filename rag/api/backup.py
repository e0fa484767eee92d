"""`GET /admin/backup`: an archive of the data folder, made while the service goes on."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from enum import Enum
from typing import IO

from fastapi import FastAPI, Request
from starlette.responses import Response, StreamingResponse

from rag.api.access import allowed
from rag.compose import Service
from rag.storage.archive import CHUNK
from rag.storage.backup import pack
from rag.types import Role


def add_backup_routes(app: FastAPI, service: Service) -> None:
    """Put the route into the app."""
    tags: list[str | Enum] = ["admin"]

    @app.get("/admin/backup", tags=tags, summary="An archive of the data folder")
    async def backup(request: Request) -> Response:
        """Searches go on; writes wait until the archive is made, and not until it is sent."""
        allowed(request, service, Role.OPERATOR)
        service.folder.ensure_space()
        # nameless, so that it is gone with whoever holds it; on the data folder's disk, where there is room
        archive: IO[bytes] = tempfile.TemporaryFile(dir=service.folder.path)  # noqa: SIM115 - sent after this returns
        try:
            size = await _pack(service, archive)
        except BaseException:
            archive.close()
            raise
        return StreamingResponse(
            _pieces(archive), media_type="application/x-tar", headers={"content-length": str(size)}
        )


async def _pack(service: Service, archive: IO[bytes]) -> int:
    """Write the archive; gives its length in bytes, and leaves it at its beginning."""
    async with service.dense.frozen() as shards:
        await asyncio.to_thread(pack, archive, service.folder.path, shards)
    size = archive.tell()
    archive.seek(0)
    return size


async def _pieces(archive: IO[bytes]) -> AsyncIterator[bytes]:
    with archive:
        while piece := await asyncio.to_thread(archive.read, CHUNK):
            yield piece
