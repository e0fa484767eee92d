from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rag.storage.database import Database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(tmp_path / "catalog.db")
    yield database
    await database.aclose()
