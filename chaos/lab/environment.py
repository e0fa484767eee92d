"""The environment of the lab's children."""

from __future__ import annotations

import os
from collections.abc import Mapping

from rag.settings import PREFIX


def environment(settings: Mapping[str, object] | None = None) -> dict[str, str]:
    """Ours, with these settings of the service and no others: what the user has set is for the user's own service."""
    own = {name: value for name, value in os.environ.items() if not name.upper().startswith(PREFIX)}
    return own | {f"{PREFIX}{name.upper()}": str(value) for name, value in (settings or {}).items()}
