"""What serves each port, in which version, what it holds, and what is wrong."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import platform
import re
import shutil
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import aiohttp

import rag
from rag.compose import Service, compose
from rag.errors import ConfigError, SteadyragError
from rag.indexes import QDRANT, qdrant_version
from rag.settings import Settings
from rag.storage.folder import current_owner
from rag.types import ANONYMOUS

PACKAGES = ("rag", "router", "cache", "chaos", "evals")
LIBRARIES = ("qdrant-edge-py", "onnxruntime", "fastapi", "rank-bm25", "tokenizers")
PROBE_TIMEOUT_S = 5.0
#: From here on Qdrant counts the IDF of each space; before, over all spaces of a collection.
SPACED_IDF = (1, 19)


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
    report = Report(serving=_configured(settings), versions=_versions(), problems=foreign_packages())
    report.state |= {
        "data_dir": str(settings.data_dir),
        "cores": os.cpu_count() or 1,
        "disk_free_mib": _free_mib(settings.data_dir),
    }
    owner = current_owner(settings.data_dir)
    await _reach_models(settings, report)
    try:
        if owner is not None and owner.url is not None:
            report.state["running"] = f"process {owner.pid} at {owner.url}"
            await _reach(f"{owner.url}/ready", "the running service", report)
            await _reach_index(settings, report)
        else:
            await _reach_index(settings, report)
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


async def _reach_models(settings: Settings, report: Report) -> None:
    tiers = {"model:small": settings.models.small, "model:large": settings.models.large}
    servers = {name: url.partition("#")[0] for name, url in tiers.items() if url.startswith("http")}
    await asyncio.gather(*(_reach(f"{base}/models", name, report) for name, base in servers.items()))


async def _reach_index(settings: Settings, report: Report) -> None:
    """Ask Qdrant, where it serves, for its version.

    Raises:
        SteadyragError: it does not answer, or not to us.
    """
    if not settings.index.url.startswith(QDRANT):
        return
    version = report.versions["qdrant"] = await qdrant_version(settings, timeout_s=PROBE_TIMEOUT_S)
    if settings.lexical.url == "qdrant:" and _numbers(version) < SPACED_IDF:
        report.problems.append(
            f"Qdrant at {settings.index.url} is {version}: STEADYRAG_LEXICAL__URL=qdrant: wants 1.19 or later, "
            "else words are weighed over all spaces together"
        )


def _numbers(version: str) -> tuple[int, ...]:
    """Major and minor number."""
    return tuple(int(digits) for digits in re.findall(r"\d+", version)[:2])


def _configured(settings: Settings) -> dict[str, str]:
    """What is to serve each port, for when it cannot be opened; of URLs that may hold a password, the scheme."""
    return {
        "embedder": settings.embedder.model,
        "index": settings.index.url,
        "lexical": settings.lexical.url,
        "document_log": settings.log.url.partition("//")[0],
        "cache": settings.cache.store.partition("//")[0],
        "model:small": settings.models.small,
        "model:large": settings.models.large,
    }


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
