"""API keys: `sr_ID_SECRET`. The id is public, and of the secret only a digest is kept.

The secret has 256 random bits, so that a plain SHA-256 of it can be stored: there is nothing to guess that a slow hash
would make dearer (OWASP, Password Storage Cheat Sheet, is about secrets that people choose).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from rag.errors import InvalidRequest
from rag.types import COLLECTION_NAME, Principal, Role

MAX_NAME = 200
_WRITTEN = re.compile(r"sr_(?P<id>[0-9a-f]{16})_(?P<secret>[A-Za-z0-9_-]{43})")


class Granted(StrEnum):
    """The roles that a key may carry."""

    QUERY = Role.QUERY.value
    INGEST = Role.INGEST.value
    ADMIN = Role.ADMIN.value


GRANTED = frozenset(map(Role, Granted))


@dataclass(frozen=True, slots=True)
class Key:
    """What is kept of a key.

    Attributes:
        id: 16 hexadecimal digits.
        tenant: whose data it opens.
        roles: of `GRANTED`.
        name: for people.
        digest: SHA-256 of the secret.
        created: seconds since the epoch.
        expires: from then on it opens nothing, seconds since the epoch; None: never.
    """

    id: str
    tenant: str
    roles: frozenset[Role]
    name: str
    digest: bytes
    created: float
    expires: float | None = None

    def valid(self, now: float) -> bool:
        """Whether it opens anything."""
        return self.expires is None or now < self.expires

    def until(self, moment: float) -> Key:
        """The key, valid no longer than that."""
        return replace(self, expires=moment if self.expires is None else min(moment, self.expires))

    @property
    def principal(self) -> Principal:
        """Who comes with it."""
        return Principal(self.id, self.tenant, self.roles)


class Token(NamedTuple):
    """A key as its holder sends it."""

    id: str
    secret: str

    def __str__(self) -> str:
        return f"sr_{self.id}_{self.secret}"

    @classmethod
    def parse(cls, written: str) -> Token | None:
        """Read it; None: it is none."""
        found = _WRITTEN.fullmatch(written)
        return cls(found["id"], found["secret"]) if found else None

    @property
    def digest(self) -> bytes:
        """What is kept of the secret."""
        return hashlib.sha256(self.secret.encode()).digest()

    def opens(self, key: Key | None) -> bool:
        """Whether it is the token of that key; takes as long without one."""
        kept = key.digest if key is not None else bytes(hashlib.sha256().digest_size)
        return hmac.compare_digest(self.digest, kept) and key is not None


def mint(
    tenant: str, roles: Iterable[Role], name: str, *, now: float, expires: float | None = None
) -> tuple[Key, Token]:
    """A new key, and its token, which is nowhere else.

    Raises:
        InvalidRequest: the tenant's name, the roles or the name are not what a key can have.
    """
    granted = frozenset(roles)
    if not re.fullmatch(COLLECTION_NAME, tenant):
        raise InvalidRequest(f"tenant: {tenant!r} does not match {COLLECTION_NAME}", param="tenant")
    if not granted or not granted <= GRANTED:
        raise InvalidRequest(f"roles: one or more of {', '.join(Granted)}", param="roles")
    if len(name) > MAX_NAME:
        raise InvalidRequest(f"name: at most {MAX_NAME} characters", param="name")
    token = Token(secrets.token_hex(8), secrets.token_urlsafe(32))
    return Key(token.id, tenant, granted, name, token.digest, now, expires), token


def shown(key: Key, now: float) -> dict[str, object]:
    """The key as people may see it."""
    return {
        "id": key.id,
        "tenant": key.tenant,
        "roles": sorted(key.roles),
        "name": key.name,
        "created": key.created,
        "expires": key.expires,
        "valid": key.valid(now),
    }
