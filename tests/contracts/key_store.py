"""What every key store keeps; subclass it and give the fixture `store`."""

from __future__ import annotations

import pytest

from rag.access.access import KeyStore
from rag.access.keys import GRANTED, Key, mint
from rag.types import Role


def made(tenant: str = "red", expires: float | None = None) -> Key:
    """A key."""
    return mint(tenant, GRANTED if tenant == "red" else [Role.QUERY], "für den Chat", now=1_000.5, expires=expires)[0]


class KeyStoreContract:
    """The promises."""

    @pytest.fixture
    def store(self) -> KeyStore:
        """The adapter under test, empty."""
        raise NotImplementedError

    async def test_it_begins_empty(self, store: KeyStore) -> None:
        assert await store.keys(timeout_s=10) == []

    async def test_what_was_put_is_there(self, store: KeyStore) -> None:
        keys = [made(), made("blue", expires=2_000.25)]
        for key in keys:
            await store.put(key, timeout_s=10)
        assert sorted(await store.keys(timeout_s=10), key=lambda key: key.id) == sorted(keys, key=lambda key: key.id)

    async def test_a_key_takes_the_place_of_the_one_with_its_id(self, store: KeyStore) -> None:
        key = made()
        for each in (key, key.until(1_500.0)):
            await store.put(each, timeout_s=10)
        assert await store.keys(timeout_s=10) == [key.until(1_500.0)]
