"""What callers name: models and collections."""

from __future__ import annotations

from rag.compose import Service
from rag.errors import NotFound
from rag.types import Principal, Space
from router.policy import Requested

#: Models as callers name them, and what they ask the router for.
MODELS: dict[str, Requested] = {"steadyrag": "auto", "steadyrag-small": "small", "steadyrag-large": "large"}


def known_space(service: Service, principal: Principal, collection: str) -> Space:
    """The collection of the caller's tenant.

    Raises:
        NotFound: nothing was ever written to it; "default" always exists.
    """
    space = Space(principal.tenant, collection)
    if collection != "default" and not service.log.position_of(space):
        raise NotFound(f"no collection {collection!r}; it exists once a document was added", param="collection")
    return space
