"""Which replica holds a prompt's prefix: rendezvous hashing with bounded loads.

By highest random weight (Thaler and Ravishankar, IEEE/ACM Transactions on Networking 6(1), 1998) every key has an
order of the replicas of its own, so that one that comes or goes moves only the keys that it had or gets. No replica
takes more than `BALANCE` times the mean load (Mirrokni, Thorup and Zadimoghaddam, "Consistent Hashing with Bounded
Loads", SODA 2018): what a full one cannot take goes to the next of its order, where what came before it went.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from hashlib import blake2b

#: Times the mean load that a replica may have.
BALANCE = 1.25
#: Requests that a replica always has room for: servers work in batches, and among few every other one is a peak.
ROOM = 8


def by_affinity(key: str, loads: Mapping[str, float]) -> list[str]:
    """The replicas in the order in which a request is to try them.

    Args:
        key: requests of one key share a prefix.
        loads: name of each replica -> its share of the work, in requests.
    """
    full = max(ROOM, math.ceil(BALANCE * (sum(loads.values()) + 1) / max(1, len(loads))))
    return sorted(_preferred(key, loads), key=lambda name: max(0, loads[name] + 1 - full))


def by_load(key: str, loads: Mapping[str, float]) -> list[str]:
    """The replicas, the least loaded first; `key` decides between equals."""
    return sorted(_preferred(key, loads), key=loads.__getitem__)


def _preferred(key: str, names: Mapping[str, float]) -> list[str]:
    return sorted(names, key=lambda name: _weight(key, name), reverse=True)


def _weight(key: str, name: str) -> bytes:
    return blake2b(f"{name}\n{key}".encode(), digest_size=8).digest()
