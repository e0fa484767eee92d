"""Two tenants use the service at random, at the same time: neither ever sees a word of the other's.

Every text of a tenant holds the tenant's marker. For a long run:

    STEADYRAG_TEST_TENANTS_S=60 make test ARGS="-k test_tenants"
"""

import asyncio
import os
import random
import time

from rag.api.app import create_app
from rag.compose import compose
from rag.settings import load_settings
from rag.telemetry.metrics import Metrics
from rag.types import Role
from tests.support import folders
from tests.support.chat import chat_body
from tests.support.web import client_of

SECONDS = float(os.environ.get("STEADYRAG_TEST_TENANTS_S", "5"))
MARKERS = {"red": "vermilion", "blue": "ultramarine"}
THINGS = ("tower", "bridge", "harbour")
WORKERS = 3


class User:
    """One of a tenant's users, with all that it may do."""

    def __init__(self, http, tenant, token, seed):
        self.tenant, self.marker = tenant, MARKERS[tenant]
        self.rng = random.Random(f"{tenant}/{seed}")
        self.done = self.served = 0
        self._http = http
        self._headers = {"Authorization": f"Bearer {token}"}
        self._request = "none"

    async def act(self):
        """Something at random."""
        await self.rng.choice(
            (self.ask, self.ask, self.search, self.write, self.delete, self.read, self.rate, self.look)
        )()
        self.done += 1

    async def ask(self):
        thing = self.rng.choice(THINGS)
        _, headers = await self._call("POST", "/v1/chat/completions", chat_body(f"What colour is the {thing}?"))
        self._request = headers["x-request-id"]
        self.served += headers.get("x-steadyrag-cache") in {"exact", "semantic"}

    async def search(self):
        await self._call(
            "POST", "/v1/search", {"query": f"{self.rng.choice(THINGS)} {self.rng.choice(list(MARKERS.values()))}"}
        )

    async def write(self):
        thing, metres = self.rng.choice(THINGS), self.rng.randrange(10_000)
        text = f"The {thing} is painted {self.marker}. It is {metres} metres long."
        await self._call("POST", "/v1/documents", {"documents": [{"id": thing, "text": text}]})

    async def delete(self):
        await self._call("DELETE", f"/v1/documents/{self.rng.choice(THINGS)}")

    async def read(self):
        await self._call("GET", f"/v1/documents/{self.rng.choice(THINGS)}")
        await self._call("GET", "/v1/documents")

    async def rate(self):
        await self._call("POST", "/v1/feedback", {"request_id": self._request, "rating": "down"})

    async def look(self):
        await self._call("GET", "/admin/cache?limit=1000")
        await self._call("GET", "/admin/keys")
        await self._call("GET", "/admin/settings")
        other = next(name for name in MARKERS if name != self.tenant)
        await self._call("DELETE", f"/admin/cache?tenant={other}")

    async def _call(self, method, path, body=None):
        async with self._http.request(method, path, json=body, headers=self._headers) as response:
            text = await response.text()
            assert response.status in {200, 202, 403, 404}, (method, path, response.status, text)
        foreign = [marker for tenant, marker in MARKERS.items() if tenant != self.tenant]
        # what was asked for comes back in errors, so the questions name no marker but in searches
        assert not any(marker in text for marker in foreign), (self.tenant, method, path, text)
        return text, response.headers


async def test_no_tenant_sees_what_is_anothers(model_folder):
    with folders.scratch() as folder:
        settings = load_settings(
            data_dir=folder,
            cache_dir=model_folder.parent.parent,
            admin_key="s3cret",
            index={"shards": 1},
            limits={"min_free_bytes": 0},
        )
        service = await compose(settings)
        try:
            async with client_of(create_app(service, Metrics())) as http:
                users = []
                for tenant in MARKERS:
                    _, token = await service.access.create(tenant, [Role.QUERY, Role.INGEST, Role.ADMIN])
                    users += [User(http, tenant, token, seed) for seed in range(WORKERS)]
                for user in users:
                    await user.write()
                end = time.monotonic() + SECONDS

                async def use(user):
                    while time.monotonic() < end:
                        await user.act()

                await asyncio.gather(*map(use, users))
                assert all(user.done for user in users)
                assert sum(user.served for user in users), "nothing was ever served from the cache"
        finally:
            await service.aclose()
