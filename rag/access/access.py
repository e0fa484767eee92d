"""Lets callers in: who comes with which key, and what it allows."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Iterable
from typing import Protocol

from rag.access.keys import Key, Token, mint
from rag.errors import ConfigError, Forbidden, NotFound, Unauthorized
from rag.tasks import end
from rag.types import ANONYMOUS, Clock, Principal, Role

log = logging.getLogger(__name__)

#: How long another replica may take to hear of a new or a revoked key.
REFRESH_S = 1.0
TIMEOUT_S = 5.0
#: Whoever brings the operator's key, `ADMIN_KEY`.
OPERATOR = Principal("operator", ANONYMOUS.tenant, frozenset(Role))
#: Whoever brings nothing, where the operator has a key and nobody else has.
GUEST = Principal(ANONYMOUS.id, ANONYMOUS.tenant, frozenset({Role.QUERY, Role.INGEST}))


class KeyStore(Protocol):
    """Where keys outlive the process."""

    async def keys(self, *, timeout_s: float) -> list[Key]:
        """All of them, those that expired, too."""

    async def put(self, key: Key, *, timeout_s: float) -> None:
        """Store it, in the place of the one with its id."""


class Access:
    """The keys, in memory: nobody waits for the store to be let in or turned away.

    Before there is a key, callers are anonymous and may do everything, or all but administration if the operator has
    a key. The first key closes the door for good: a key that expired or was revoked still counts as one.

    Args:
        store: where the keys are kept.
        clock: tells what has expired.
        admin_key: the operator's.
        shared: whether other replicas write to the store.
    """

    def __init__(self, store: KeyStore, clock: Clock, *, admin_key: str | None, shared: bool) -> None:
        self._store = store
        self._clock = clock
        self._admin_key = admin_key
        self._shared = shared
        self._required = False
        self._keys: dict[str, Key] = {}
        self._turn = asyncio.Lock()  # else what was read before a change would undo it
        self._following: asyncio.Task[None] | None = None

    @property
    def required(self) -> bool:
        """Whether callers need a key."""
        return self._required

    async def start(self) -> None:
        """Read the keys, and go on reading where others write them."""
        await self.refresh()
        if self._shared:
            self._following = asyncio.create_task(self._follow(), name="keys")

    async def aclose(self) -> None:
        """Stop reading."""
        if self._following is not None:
            await end(self._following)

    def require(self) -> None:
        """From here on nobody comes in without a key.

        Raises:
            ConfigError: there is no key to come in with.
        """
        if not self._keys and self._admin_key is None:
            raise ConfigError(
                "beyond loopback callers need keys, and there are none: run steadyrag keys create, or set "
                "STEADYRAG_ADMIN_KEY"
            )
        self._required = True

    def allowed(self, authorization: str | None, role: Role) -> Principal:
        """Who comes with this header, if that one may do what needs the role.

        Args:
            authorization: `Bearer KEY` (RFC 6750); None: none was sent.
            role: what the request needs.

        Raises:
            Unauthorized: no key, one that is wrong, expired or revoked, or one that is needed and was not sent.
            Forbidden: a key without the role.
        """
        principal = self.principal(authorization)
        if role in principal.roles:
            return principal
        if principal is GUEST:
            raise Unauthorized("this needs the operator's key: Authorization: Bearer KEY")
        raise Forbidden(f"this key does not allow it: it lacks the role {role}")

    def principal(self, authorization: str | None) -> Principal:
        """Who comes with this header.

        Raises:
            Unauthorized: no key, one that is wrong, expired or revoked, or one that is needed and was not sent.
        """
        sent = (authorization or "").removeprefix("Bearer ")
        if self._admin_key is not None and hmac.compare_digest(sent.encode(), self._admin_key.encode()):
            return OPERATOR
        if not self.required:
            return ANONYMOUS if self._admin_key is None else GUEST
        token = Token.parse(sent)
        key = self._keys.get(token.id) if token else None
        if token is None or not token.opens(key) or key is None or not key.valid(self._clock.now()):
            raise Unauthorized("this needs a key that is valid: Authorization: Bearer KEY")
        return key.principal

    def listed(self, tenant: str | None = None) -> list[Key]:
        """The keys of the tenant, or of all, the oldest first."""
        found = [key for key in self._keys.values() if tenant in (None, key.tenant)]
        return sorted(found, key=lambda key: (key.created, key.id))

    async def create(
        self, tenant: str, roles: Iterable[Role], name: str = "", *, valid_s: float | None = None
    ) -> tuple[Key, Token]:
        """A new key with its token, which is told this once.

        Raises:
            InvalidRequest: a key cannot have these attributes.
        """
        now = self._clock.now()
        key, token = mint(tenant, roles, name, now=now, expires=None if valid_s is None else now + valid_s)
        await self._put(key)
        return key, token

    async def revoke(self, key_id: str, *, tenant: str | None = None, in_s: float = 0.0) -> Key:
        """End the key; on other replicas it may open for `REFRESH_S` longer.

        Raises:
            NotFound: the tenant has no such key.
        """
        key = self._known(key_id, tenant).until(self._clock.now() + in_s)
        await self._put(key)
        return key

    async def rotate(self, key_id: str, *, tenant: str | None = None, grace_s: float = 0.0) -> tuple[Key, Token]:
        """A new key that allows the same; the old one ends after `grace_s`.

        Raises:
            NotFound: the tenant has no such key.
        """
        old = self._known(key_id, tenant)
        made = await self.create(old.tenant, old.roles, old.name)
        await self.revoke(key_id, in_s=grace_s)
        return made

    async def refresh(self) -> None:
        """Read the keys anew; a store that was emptied opens nothing to anybody."""
        async with self._turn:
            self._keys = {key.id: key for key in await self._store.keys(timeout_s=TIMEOUT_S)}
        self._required |= bool(self._keys)

    def _known(self, key_id: str, tenant: str | None) -> Key:
        key = self._keys.get(key_id)
        if key is None or tenant not in (None, key.tenant):
            raise NotFound(f"no key {key_id!r}")
        return key

    async def _put(self, key: Key) -> None:
        async with self._turn:
            await self._store.put(key, timeout_s=TIMEOUT_S)
            self._keys[key.id] = key
        self._required = True

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_S)
            try:
                await self.refresh()
            except Exception as error:  # noqa: BLE001 - those that are known stay, and an end must go on being heard of
                log.warning("the keys could not be read: %s", error)
