"""Two tenants use the service at random, at the same time: neither ever sees a word of the other's.

Every text of a tenant holds the tenant's marker. For a long run:

    STEADYRAG_TEST_TENANTS_S=60 make test ARGS="-k test_tenants --log-cli-level=INFO"
"""

import asyncio
import logging
import os
import random
import time
from collections import Counter

import orjson

from rag.api.app import create_app
from rag.compose import compose
from rag.settings import load_settings
from rag.telemetry.metrics import Metrics
from rag.types import Role
from tests.support import folders
from tests.support.chat import chat_body
from tests.support.web import client_of

log = logging.getLogger(__name__)

SECONDS = float(os.environ.get("STEADYRAG_TEST_TENANTS_S", "0"))
#: What each user does at least, and without that variable.
LEAST = 25
MARKERS = {"red": "vermilion", "blue": "ultramarine"}
THINGS = ("tower", "bridge", "harbour")
WORKERS = 3


class User:
    """One of a tenant's users, with all that it may do."""

    def __init__(self, http, tenant, token, seed, ids):
        self.tenant, self.marker = tenant, MARKERS[tenant]
        self.other = next(name for name in MARKERS if name != tenant)
        self.rng = random.Random(f"{tenant}/{seed}")
        self.done = Counter()
        self._http = http
        self._headers = {"Authorization": f"Bearer {token}"}
        self._ids = ids

    async def act(self):
        """Something at random."""
        everyday = (self.ask, self.ask, self.search, self.write, self.delete, self.read, self.rate)
        do = self.rng.choice((*everyday, self.look, self.administer, self.trespass))
        await do()
        self.done[do.__name__] += 1

    async def ask(self):
        question = f"What colour is the {self.rng.choice(THINGS)}?"
        for stream in (False, True):
            _, headers = await self._call("POST", "/v1/chat/completions", chat_body(question, stream=stream))
            self._ids[self.tenant]["request"] = headers["x-request-id"]
            self.done["from the cache"] += headers.get("x-steadyrag-cache") in {"exact", "semantic"}

    async def search(self):
        await self._call(
            "POST", "/v1/search", {"query": f"{self.rng.choice(THINGS)} {self.rng.choice(list(MARKERS.values()))}"}
        )

    async def write(self):
        thing, metres = self.rng.choice(THINGS), self.rng.randrange(10_000)
        text = f"The {thing} is painted {self.marker}. It is {metres} metres long."
        told, _ = await self._call("POST", "/v1/documents", {"documents": [{"id": thing, "text": text}]})
        self._ids[self.tenant]["job"] = orjson.loads(told)["id"]

    async def delete(self):
        await self._call("DELETE", f"/v1/documents/{self.rng.choice(THINGS)}")

    async def read(self):
        await self._call("GET", f"/v1/documents/{self.rng.choice(THINGS)}")
        for path in ("/v1/documents", "/v1/collections", "/v1/dead-letters"):
            await self._call("GET", path)

    async def rate(self):
        await self._call("POST", "/v1/feedback", self._rating(self.tenant))

    async def look(self):
        await self._call("GET", "/admin/cache?limit=1000")
        await self._call("GET", "/admin/keys")
        await self._call("GET", "/admin/settings")

    async def administer(self):
        made, _ = await self._call("POST", "/admin/keys", {"roles": ["query"], "name": f"of the {self.marker} team"})
        self._ids[self.tenant]["key"] = key = orjson.loads(made)["id"]
        await self._call("DELETE", f"/admin/keys/{key}")
        await self._call("DELETE", f"/admin/cache?document={self.rng.choice(THINGS)}")

    async def trespass(self):
        """Reach for what is the other's, by ids that there are."""
        theirs = self._ids[self.other]
        await self._call("DELETE", f"/admin/cache?tenant={self.other}", refused={403})
        await self._call("POST", "/admin/keys", {"tenant": self.other}, refused={403})
        await self._call("POST", "/v1/feedback", self._rating(self.other), refused={404})
        await self._call("GET", f"/v1/jobs/{theirs['job']}", refused={404})
        await self._call("DELETE", f"/admin/keys/{theirs['key']}", refused={404})
        await self._call("POST", f"/admin/keys/{theirs['key']}/rotate", {}, refused={404})

    def _rating(self, tenant):
        return {"request_id": self._ids[tenant]["request"], "rating": "down"}

    async def _call(self, method, path, body=None, *, refused=frozenset()):
        async with self._http.request(method, path, json=body, headers=self._headers) as response:
            text = await response.text()
            assert response.status in (refused or {200, 201, 202, 403, 404}), (method, path, response.status, text)
        # what was asked for comes back in errors, so the questions name no marker but in searches
        assert MARKERS[self.other] not in text, (self.tenant, method, path, text)
        self.done["requests"] += 1
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
                users, ids = [], {tenant: dict.fromkeys(("request", "job", "key"), "none") for tenant in MARKERS}
                for tenant in MARKERS:
                    _, token = await service.access.create(tenant, [Role.QUERY, Role.INGEST, Role.ADMIN])
                    users += [User(http, tenant, token, seed, ids) for seed in range(WORKERS)]
                for user in users:
                    await user.write()
                end = time.monotonic() + SECONDS

                async def use(user):
                    acts = 0
                    while time.monotonic() < end or acts < LEAST:
                        await user.act()
                        acts += 1

                await asyncio.gather(*map(use, users))
                done = sum((user.done for user in users), Counter())
                log.info("%s", dict(done))
                assert done["from the cache"], "nothing was ever served from the cache"
        finally:
            await service.aclose()
