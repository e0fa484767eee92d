"""The lab's children: what each runs, and when it serves."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp

from chaos.errors import CannotRun
from chaos.faults.process import Child, Observer
from chaos.lab import vllm
from chaos.lab.addresses import HOST, accepts, is_well, says
from chaos.lab.corpus import DOCS
from chaos.lab.environment import environment
from chaos.lab.forwarder import Forwarder
from chaos.lab.options import LabOptions
from chaos.lab.plan import Plan

TIERS = ("small", "large")
#: vLLM ends its workers one after another.
VLLM_GRACE_S = 30.0
#: Time that running requests have when a replica ends, and the rest of its end.
SHUTDOWN_S, CLOSING_S = 10, 10.0
#: -P: a folder named as one of our packages, where the lab happens to be started, is none of them.
MODULE = (sys.executable, "-P", "-m")


@dataclass(frozen=True, slots=True)
class Parts:
    """Makes the children.

    Args:
        options: the lab's.
        plan: its ports.
        folder: holds what the children keep.
        cache_dir: holds the embedding model.
        forwarder: follows the replicas.
        observe: told of what becomes of a child.
    """

    options: LabOptions
    plan: Plan
    folder: Path
    cache_dir: Path
    forwarder: Forwarder
    observe: Observer

    def backends(self) -> list[Child]:
        """All that replicas rest on."""
        return [self._redis(), self._redis_log(), self._qdrant(), *self._models(), self._proxy()]

    def replicas(self) -> list[Child]:
        """The replicas of the API."""
        return [self._replica(name, port) for name, port in self.plan.replicas.items()]

    def _child(self, name: str, *command: str, **more: Any) -> Child:
        more.setdefault("env", environment())
        return Child(name, command, log=self.folder / "logs" / f"{name}.log", observe=self.observe, **more)

    def _redis(self) -> Child:
        """Stored answers and turns: bounded, and gone with it (docs/caching.md)."""
        return self._redis_server("redis", "--appendonly", "no", "--maxmemory-policy", "volatile-ttl")

    def _redis_log(self) -> Child:
        """The document log, on a server of its own: it must forget nothing, and a cache must not fill its memory."""
        return self._redis_server("redis-log", "--appendonly", "yes", "--maxmemory-policy", "noeviction")

    def _redis_server(self, name: str, *options: str) -> Child:
        port = self.plan.upstream[name]
        common = ("--port", str(port), "--bind", HOST, "--save", "", "--maxmemory", "256mb")
        return self._child(
            name,
            *(redis_program(), *common, "--dir", str(self._place(name)), *options),
            answers=lambda: says(port, b"PING\r\n", b"+PONG\r\n"),
        )

    def _qdrant(self) -> Child:
        port = self.plan.upstream["qdrant"]
        return self._child(
            "qdrant",
            *(*MODULE, "chaos.lab.qdrant", "--folder", str(self._place("qdrant")), "--port", str(port)),
            answers=lambda: accepts(port),
        )

    def _models(self) -> list[Child]:
        python = self.options.vllm_python
        return [self._vllm(tier, python) if python else self._stub(tier) for tier in TIERS]

    def _vllm(self, tier: str, python: Path) -> Child:
        name = f"model-{tier}"
        port = self.plan.upstream[name]
        return self._child(
            name,
            *vllm.command(python, port, self._place(name), [tier]),
            answers=lambda: is_well(f"http://{HOST}:{port}/health"),
            env=environment() | vllm.VARIABLES,
            ready_s=vllm.READY_S,
            grace_s=VLLM_GRACE_S,
        )

    def make_models(self) -> None:
        """The weights that vLLM serves, unless they are there.

        Raises:
            CannotRun: they cannot be made.
        """
        if self.options.vllm_python is None:
            return
        for seed, tier in enumerate(TIERS):
            place = self._place(f"model-{tier}")
            try:
                vllm.make_model(self.options.vllm_python, place, seed, DOCS.rglob("*.md"), environment())
            except (OSError, subprocess.CalledProcessError) as error:
                raise CannotRun(f"{self.options.vllm_python} is no interpreter with vLLM: {error}") from None

    def _stub(self, tier: str) -> Child:
        name = f"model-{tier}"
        port = self.plan.upstream[name]
        knobs = [f"--{field.replace('_', '-')}={value}" for field, value in asdict(self.options.model_service).items()]
        return self._child(
            name,
            *(*MODULE, "evals.load.stub_model", "--port", str(port), "--model", tier, *knobs),
            answers=lambda: is_well(f"http://{HOST}:{port}/health"),
        )

    def _proxy(self) -> Child:
        url = f"http://{HOST}:{self.plan.proxy}"
        listen = f"{HOST}:{self.plan.proxy}"
        return self._child(
            "proxy",
            *(*MODULE, "chaos.proxy", "--listen", listen, "--seed", str(self.options.seed)),
            answers=lambda: _populated(url, self.plan),
        )

    def _replica(self, name: str, port: int) -> Child:
        options = ("--name", name, "--journal", str(self.folder), "--seed", str(self.options.seed))
        return self._child(
            name,
            *(*MODULE, "chaos.lab.service", str(port), *options),
            answers=lambda: is_well(f"http://{HOST}:{port}/ready"),
            env=self.environment(name),
            grace_s=SHUTDOWN_S + CLOSING_S,
            leave=lambda: self.forwarder.leave(name),
            come_back=lambda: self.forwarder.come_back(name),
        )

    def environment(self, name: str) -> dict[str, str]:
        """Settings of a replica: the product's defaults, but for what follows, each with its reason."""
        at = {connection: f"{HOST}:{port}" for connection, port in self.plan.listen.items()}
        models = {f"models__{tier}": f"http://{at[f'model-{tier}']}/v1#{tier}" for tier in TIERS}
        chosen = {
            "data_dir": self._place(name),  # the user's own is not touched
            "cache_dir": self.cache_dir,  # the embedding model is exported once for all
            "index__url": f"qdrant://{at['qdrant']}",
            "index__shards": self.options.shards,
            "log__url": f"redis://{at['redis-log']}/0",
            "cache__store": f"redis://{at['redis']}/0",
            "retrieval__hot_entries": 0,  # a load repeats its questions: their kept results would hide a fault
            "limits__min_free_bytes": 0,  # a lab is small, and may lie on a small disk
            "shutdown_s": SHUTDOWN_S,  # a restart under load shall not wait longer than an answer takes
            **models,
            **self.options.settings,
        }
        return environment(chosen)

    def _place(self, name: str) -> Path:
        place = self.folder / name
        place.mkdir(exist_ok=True)
        return place


def redis_program() -> str:
    """The server's program.

    Raises:
        CannotRun: there is none.
    """
    if found := shutil.which("redis-server"):
        return found
    raise CannotRun("the lab needs redis-server, which is not here; run: apt-get install redis-server")


async def _populated(url: str, plan: Plan) -> bool:
    """Whether the proxy answers, and stands in front of everything, of which it knows nothing after a restart."""
    timeout = aiohttp.ClientTimeout(total=2.0)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(f"{url}/populate", json=plan.proxies()) as response,
        ):
            if response.status == 201:
                return True
            raise CannotRun(f"the fault proxy refused the lab's connections: {await response.text()}")
    except (aiohttp.ClientError, TimeoutError):
        return False
