"""Which service a command talks to: the one that `--url` names, or the one that holds the data folder."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from rag.settings import Settings
from rag.storage.folder import current_owner

if TYPE_CHECKING:
    from rag.cli.client import Remote


def service_url(settings: Settings, url: str | None) -> str | None:
    """Where to send the command's work; None when this process shall do it by itself."""
    if url is not None:
        return url.rstrip("/")
    owner = current_owner(settings.data_dir)
    return owner.url if owner is not None else None


def key_of(settings: Settings) -> str | None:
    """The key that commands send."""
    return settings.api_key or settings.admin_key


def connect(url: str, key: str | None = None) -> AbstractAsyncContextManager[Remote]:
    """A connection to the service at `url`, for whoever holds the key."""
    from rag.cli.client import connected  # noqa: PLC0415 - a tenth of a second, for nothing where no service runs

    return connected(url, key)
