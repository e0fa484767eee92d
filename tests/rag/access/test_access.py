import asyncio

import pytest

from rag.access.access import GUEST, OPERATOR, REFRESH_S, Access
from rag.errors import ConfigError, DependencyFailed, Forbidden, NotFound, Unauthorized
from rag.types import ANONYMOUS, Role
from tests.support.virtual_time import run


class Kept:
    """A store that replicas share."""

    def __init__(self):
        self.rows = {}
        self.broken = False

    async def keys(self, *, timeout_s):
        if self.broken:
            raise DependencyFailed("it is down")
        return list(self.rows.values())

    async def put(self, key, *, timeout_s):
        self.rows[key.id] = key


@pytest.fixture
def kept():
    return Kept()


@pytest.fixture
def access(kept, clock):
    return Access(kept, clock, admin_key=None, shared=False)


@pytest.fixture
def guarded(kept, clock):
    """With an operator's key."""
    return Access(kept, clock, admin_key="s3cret", shared=False)


def bearer(token):
    return f"Bearer {token}"


async def test_before_there_is_a_key_everybody_may_do_everything(access):
    assert access.allowed(None, Role.OPERATOR) == ANONYMOUS
    assert access.allowed("Bearer anything", Role.QUERY) == ANONYMOUS
    assert not access.required


async def test_with_an_operators_key_only_the_operator_administers(guarded):
    assert guarded.allowed(None, Role.INGEST) == GUEST
    assert guarded.allowed("Bearer s3cret", Role.OPERATOR) == OPERATOR
    for sent in (None, "Bearer wrong", "Bearer "):
        with pytest.raises(Unauthorized):
            guarded.allowed(sent, Role.ADMIN)


async def test_the_first_key_closes_the_door(guarded):
    key, token = await guarded.create("red", [Role.QUERY])
    assert guarded.required
    assert guarded.allowed(bearer(token), Role.QUERY) == key.principal
    assert guarded.allowed("Bearer s3cret", Role.ADMIN) == OPERATOR
    for sent in (None, "Bearer wrong", bearer(token)[:-1], f"{bearer(token)}x"):
        with pytest.raises(Unauthorized):
            guarded.allowed(sent, Role.QUERY)
    with pytest.raises(Forbidden, match="ingest"):
        guarded.allowed(bearer(token), Role.INGEST)


async def test_a_revoked_key_opens_nothing_and_the_door_stays_closed(access):
    key, token = await access.create("red", [Role.QUERY])
    assert not (await access.revoke(key.id)).valid(access._clock.now())
    for sent in (None, bearer(token)):
        with pytest.raises(Unauthorized):
            access.allowed(sent, Role.QUERY)


async def test_a_store_that_was_emptied_opens_the_door_to_nobody(access, kept):
    await access.create("red", [Role.QUERY])
    kept.rows.clear()
    await access.refresh()
    with pytest.raises(Unauthorized):
        access.allowed(None, Role.QUERY)


async def test_what_was_read_before_a_key_was_ended_does_not_bring_it_back(access, kept):
    key, token = await access.create("red", [Role.QUERY])
    read, go_on = kept.keys, asyncio.Event()

    async def slowly(*, timeout_s):
        found = await read(timeout_s=timeout_s)
        await go_on.wait()
        return found

    kept.keys = slowly
    refreshing = asyncio.create_task(access.refresh())
    await asyncio.sleep(0)
    revoking = asyncio.create_task(access.revoke(key.id))
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(refreshing, revoking)
    with pytest.raises(Unauthorized):
        access.allowed(bearer(token), Role.QUERY)


async def test_a_key_ends_by_itself(access, clock):
    _, token = await access.create("red", [Role.QUERY], valid_s=60)
    clock.advance(59)
    access.allowed(bearer(token), Role.QUERY)
    clock.advance(1)
    with pytest.raises(Unauthorized):
        access.allowed(bearer(token), Role.QUERY)


async def test_a_rotated_key_allows_the_same_and_the_old_one_ends_after_its_grace(access, clock):
    old, before = await access.create("red", [Role.QUERY, Role.INGEST], "chat")
    new, after = await access.rotate(old.id, grace_s=60)
    assert (new.tenant, new.roles, new.name) == (old.tenant, old.roles, old.name)
    for token in (before, after):
        access.allowed(bearer(token), Role.INGEST)
    clock.advance(60)
    access.allowed(bearer(after), Role.INGEST)
    with pytest.raises(Unauthorized):
        access.allowed(bearer(before), Role.INGEST)


async def test_a_tenants_administrator_reaches_keys_of_the_tenant_only(access):
    key, _ = await access.create("red", [Role.QUERY])
    assert access.listed("blue") == []
    assert access.listed() == access.listed("red") == [key]
    for change in (access.revoke, access.rotate):
        with pytest.raises(NotFound):
            await change(key.id, tenant="blue")


async def test_beyond_the_loopback_there_must_be_a_key(access, guarded):
    with pytest.raises(ConfigError, match="steadyrag keys create"):
        access.require()
    guarded.require()
    with pytest.raises(Unauthorized):
        guarded.allowed(None, Role.QUERY)
    await access.create("red", [Role.QUERY])
    access.require()


def test_replicas_hear_of_keys_and_of_their_end_and_an_outage_changes_nothing(kept, clock):
    async def story():
        one, other = (Access(kept, clock, admin_key=None, shared=True) for _ in range(2))
        await one.start()
        await other.start()
        key, token = await one.create("red", [Role.QUERY])
        await asyncio.sleep(1.5 * REFRESH_S)
        assert other.allowed(bearer(token), Role.QUERY) == key.principal
        kept.broken = True
        await asyncio.sleep(2 * REFRESH_S)
        assert other.allowed(bearer(token), Role.QUERY) == key.principal
        kept.broken = False
        await one.revoke(key.id)
        await asyncio.sleep(1.5 * REFRESH_S)
        with pytest.raises(Unauthorized):
            other.allowed(bearer(token), Role.QUERY)
        for each in (one, other):
            await each.aclose()

    run(story())
