from __future__ import annotations

import pytest

from rag.storage.database import Database
from rag.storage.keys import SqliteKeyStore
from tests.contracts.key_store import KeyStoreContract, made


class TestSqliteKeyStore(KeyStoreContract):
    @pytest.fixture
    def store(self, database: Database) -> SqliteKeyStore:
        return SqliteKeyStore(database)


async def test_keys_outlive_the_process(database: Database) -> None:
    key = made()
    await SqliteKeyStore(database).put(key, timeout_s=10)
    assert await SqliteKeyStore(database).keys(timeout_s=10) == [key]
