"""What a lab is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from evals.load.queue_model import Service


@dataclass(frozen=True, slots=True)
class LabOptions:
    """The choices that there are.

    Attributes:
        folder: keeps what was ingested for the next lab of the same corpus; None = a temporary one.
        data: a corpus in BEIR's format; None = the documentation of this project.
        replicas: of the API.
        shards: of the dense index.
        model_service: how both stub models serve.
        vllm_python: the interpreter of an environment with vLLM, which then serves two tiny models instead.
        seed: of all chance in proxy and replicas.
        settings: of the replicas, beside the lab's own: `{"resilience__breakers": "false"}`.
        say: told in a line what the start waits for.
    """

    folder: Path | None = None
    data: Path | None = None
    replicas: int = 1
    shards: int = 4
    model_service: Service = field(default_factory=Service)
    vllm_python: Path | None = None
    seed: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)
    say: Callable[[str], None] = lambda _line: None
