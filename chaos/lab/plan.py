"""Which server listens where. Every connection between two parts goes through the fault proxy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from chaos.lab.addresses import HOST, free_ports

#: What the proxy stands in front of: the address that users have, and what a replica needs.
CONNECTIONS = ("api", "qdrant", "redis", "redis-log", "model-small", "model-large")


@dataclass(frozen=True, slots=True)
class Plan:
    """Ports of the loopback.

    Attributes:
        listen: connection -> where the proxy takes it.
        upstream: connection -> where the proxy hands it on.
        replicas: name -> where the replica listens.
        proxy: the proxy's own API.
        control: the lab's.
    """

    listen: dict[str, int]
    upstream: dict[str, int]
    replicas: dict[str, int]
    proxy: int
    control: int

    @classmethod
    def make(cls, replicas: int) -> Self:
        """Ports that are free at this moment."""
        ports = iter(free_ports(2 * len(CONNECTIONS) + replicas + 2))
        return cls(
            listen={name: next(ports) for name in CONNECTIONS},
            upstream={name: next(ports) for name in CONNECTIONS},
            replicas={f"api-{number}": next(ports) for number in range(replicas)},
            proxy=next(ports),
            control=next(ports),
        )

    def proxies(self) -> list[dict[str, object]]:
        """What the proxy is populated with, in Toxiproxy's words."""
        return [
            {"name": name, "listen": f"{HOST}:{self.listen[name]}", "upstream": f"{HOST}:{self.upstream[name]}"}
            for name in CONNECTIONS
        ]
