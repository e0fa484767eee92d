"""What serves each port, in which version, what it holds, and what is wrong."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import aiohttp

import rag
from rag.compose import Service, compose
from rag.errors import ConfigError, SteadyragError
from rag.settings import Settings
from rag.storage.folder import current_owner
from rag.types import ANONYMOUS

PACKAGES = ("rag", "router", "cache", "chaos", "evals")
LIBRARIES = ("qdrant-edge-py", "onnxruntime", "fastapi", "rank-bm25", "tokenizers")
PROBE_TIMEOUT_S = 5.0


@dataclass(slots=True)
class Report:
    """The findings.

    Attributes:
        misconfigured: whether one of the problems is one of configuration.
    """

    serving: dict[str, str] = field(default_factory=dict)
    state: dict[str, object] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    misconfigured: bool = False


async def examine(settings: Settings) -> Report:
    """Look at everything; a problem is written down, never raised."""
    report = Report(versions=_versions(), problems=foreign_packages())
    report.state |= {
        "data_dir": str(settings.data_dir),
        "cores": os.cpu_count() or 1,
        "disk_free_mib": _free_mib(settings.data_dir),
    }
    owner = current_owner(settings.data_dir)
    try:
        if owner is not None and owner.url is not None:
            report.state["running"] = f"process {owner.pid} at {owner.url}"
            await _ask_running(owner.url, report)
        else:
            await _open(settings, report)
    except SteadyragError as error:
        report.problems.append(error.message)
        report.misconfigured = isinstance(error, ConfigError)
    return report


def foreign_packages() -> list[str]:
    """A line for each of our five packages that is not ours: their names are common ones."""
    home = Path(rag.__file__).parent.parent
    problems = []
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        place = Path(spec.origin).parent.parent if spec is not None and spec.origin else None
        if place != home:
            problems.append(
                f"package {name!r} comes from {place or 'nowhere'}, not from {home}: another distribution "
                "has the same name; install steadyrag into an environment of its own"
            )
    return problems


async def _open(settings: Settings, report: Report) -> None:
    service = await compose(settings)
    try:
        report.serving |= service.serving
        await _probe(service, report)
    finally:
        await service.aclose()


async def _probe(service: Service, report: Report) -> None:
    await service.embedder.embed(["probe"], timeout_s=PROBE_TIMEOUT_S)
    collections = await service.store.collections(ANONYMOUS.tenant, timeout_s=PROBE_TIMEOUT_S)
    report.state["collections"] = {name: {"documents": docs, "passages": n} for name, docs, n in collections}
    report.state["log_position"] = service.log.position
    for tier in ("small", "large"):
        url = service.serving[f"model:{tier}"]
        if url.startswith("http"):
            await _reach(f"{url.partition('#')[0]}/models", f"model:{tier}", report)


async def _ask_running(url: str, report: Report) -> None:
    await _reach(f"{url}/ready", "the running service", report)


async def _reach(url: str, name: str, report: Report) -> None:
    timeout = aiohttp.ClientTimeout(total=PROBE_TIMEOUT_S)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as response:
            if response.status >= 500:
                report.problems.append(f"{name} answers {response.status} at {url}")
    except (aiohttp.ClientError, TimeoutError) as error:
        report.problems.append(f"{name} does not answer at {url} ({type(error).__name__})")


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "steadyrag": rag.__version__}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _free_mib(folder: Path) -> int:
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    return shutil.disk_usage(existing).free >> 20
