import asyncio

import pytest

from rag.storage.backup import check, restore
from rag.types import ANONYMOUS, Document, Space

DEFAULT = Space(ANONYMOUS.tenant, "default")

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def fetched(http, **options):
    async with http.get("/admin/backup", **options) as response:
        body = await response.read()
        assert response.status == 200, body
        assert response.headers["content-type"] == "application/x-tar"
        assert int(response.headers["content-length"]) == len(body)
        return body


async def test_a_running_service_gives_an_archive_of_what_it_holds(make_service, client, tmp_path):
    service = await make_service()
    http = await client(service)
    (tmp_path / "a.tar").write_bytes(await fetched(http))
    names = check(tmp_path / "a.tar")
    assert {"catalog.db", "format.json"} < set(names)
    assert any(name.startswith("index/shard-0/segments/") for name in names)
    await service.writer.put(DEFAULT, [Document("later", "This came later.")])
    restore(tmp_path / "a.tar", tmp_path / "new")
    assert (tmp_path / "new" / "catalog.db").stat().st_size > 0


async def test_writes_go_on_afterwards_and_none_is_half_in_it(make_service, client, tmp_path):
    service = await make_service()
    http = await client(service)
    writes = [service.writer.put(DEFAULT, [Document(f"d{n}", f"Text number {n}.")]) for n in range(20)]
    bodies = await asyncio.gather(fetched(http), *writes, fetched(http))
    for number, body in enumerate((bodies[0], bodies[-1])):
        file = tmp_path / f"{number}.tar"
        file.write_bytes(body)
        check(file)
    assert len(await service.store.documents(DEFAULT, after=None, limit=100, timeout_s=5)) >= 20


async def test_it_asks_for_the_key(make_service, client):
    http = await client(await make_service(admin_key="s3cret"))
    async with http.get("/admin/backup") as response:
        assert response.status == 401
    await fetched(http, headers={"Authorization": "Bearer s3cret"})
