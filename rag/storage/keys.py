"""API keys in the data folder."""

from __future__ import annotations

import json
import sqlite3

from rag.access.keys import Key
from rag.storage.database import Database
from rag.types import Role

_COLUMNS = "id, tenant, roles, name, digest, created, expires"


class SqliteKeyStore:
    """The `rag.access.access.KeyStore` of one process."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keys(self, *, timeout_s: float) -> list[Key]:
        """See `KeyStore`."""

        def read(connection: sqlite3.Connection) -> list[Key]:
            rows = connection.execute(f"SELECT {_COLUMNS} FROM keys").fetchall()
            return [
                Key(key, tenant, frozenset(map(Role, json.loads(roles))), name, digest, created, expires)
                for key, tenant, roles, name, digest, created, expires in rows
            ]

        return await self._database.read(read, timeout_s=timeout_s)

    async def put(self, key: Key, *, timeout_s: float) -> None:
        """See `KeyStore`."""
        row = (key.id, key.tenant, json.dumps(sorted(key.roles)), key.name, key.digest, key.created, key.expires)
        query = f"INSERT OR REPLACE INTO keys({_COLUMNS}) VALUES (?,?,?,?,?,?,?)"
        await self._database.write(lambda connection: connection.execute(query, row).rowcount, timeout_s=timeout_s)
