"""What serves each port, in which version, what it holds, and what is wrong."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import platform
import re
import shutil
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import aiohttp
import orjson

import rag
from rag import limiting
from rag.caching import REDIS as SHARED_CACHE
from rag.compose import Service, compose
from rag.disclosed import disclosed, without_password
from rag.errors import ConfigError, SteadyragError
from rag.indexes import QDRANT, qdrant_version
from rag.models import named_models
from rag.persistence import REDIS
from rag.settings import Settings
from rag.storage.folder import FORMAT, current_owner, stored_format
from rag.types import ANONYMOUS

PACKAGES = ("rag", "router", "cache", "chaos", "evals")
LIBRARIES = ("qdrant-edge-py", "onnxruntime", "fastapi", "rank-bm25", "tokenizers")
PROBE_TIMEOUT_S = 5.0
#: From here on Qdrant counts the IDF of each space; before, over all spaces of a collection.
SPACED_IDF = (1, 19)
#: What happens while the store of the limits is gone.
FAILED = {"open": "so that each process counts for itself", "closed": "so that nobody is let in"}


@dataclass(slots=True)
class Report:
    """The findings.

    Attributes:
        notes: what is worth knowing and no problem.
        misconfigured: whether one of the problems is one of configuration.
    """

    serving: dict[str, str] = field(default_factory=dict)
    state: dict[str, object] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
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
    try:
        if stored := stored_format(settings.data_dir):
            report.state["data_format"] = f"{stored.get('format')}, this version reads {FORMAT}"
        await _reach_models(settings, report)
        await _reach_limits(settings, report)
        if owner is not None and owner.url is not None:
            report.state["running"] = f"process {owner.pid} at {owner.url}"
            await _ask_running(owner.url, settings, report)
            await _reach_index(settings, report)
            await _try(settings)
        else:
            await _reach_index(settings, report)
            await _open(settings, report)
    except SteadyragError as error:
        report.problems.append(error.message)
        report.misconfigured = isinstance(error, ConfigError)
    report.serving = {name: without_password(what) for name, what in report.serving.items()}
    report.problems = [without_password(problem) for problem in report.problems]
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
    report.state["documents"] = sum(docs for _, docs, _ in collections)
    report.state["log_position"] = service.log.position


async def _ask_running(url: str, settings: Settings, report: Report) -> None:
    """Whether the service is ready, what it holds, and which of its settings are others than those of this command."""
    ready = await _reach(f"{url}/ready", "the running service", report)
    if not ready:
        return
    if (documents := ready.get("documents")) is not None:
        report.state["documents"] = documents
    told = await _reach(
        f"{url}/admin/settings", "the running service", report, key=settings.admin_key or settings.api_key
    )
    if "settings" not in told:
        report.notes.append(
            "the running service did not tell its settings: that takes its STEADYRAG_ADMIN_KEY; what is said above of "
            "parts is what the settings here describe"
        )
        return
    ours, theirs = disclosed(settings), told["settings"]
    report.notes += [
        f"{name} is {ours.get(name)!r} here and {theirs.get(name)!r} in the running service"
        for name in sorted({*ours, *theirs})
        if ours.get(name) != theirs.get(name)
    ]


async def _try(settings: Settings) -> None:
    """Build what the settings describe over an empty folder, since the true one is held; servers are left alone.

    Raises:
        ConfigError: they describe nothing that can be built.
    """
    with tempfile.TemporaryDirectory() as folder:
        service = await compose(_embedded(settings, Path(folder)))
        await service.aclose()


def _embedded(settings: Settings, data_dir: Path) -> Settings:
    """The settings, with embedded parts in `data_dir` in the place of servers and of folders elsewhere."""
    index, lexical, log, cache = settings.index, settings.lexical, settings.log, settings.cache
    if index.url.startswith(QDRANT) and lexical.url == "qdrant:":
        lexical = lexical.model_copy(update={"url": "memory:"})
    if index.url.startswith(("edge:", *QDRANT)):
        index = index.model_copy(update={"url": "edge:"})
    if log.url.startswith(REDIS):
        log = log.model_copy(update={"url": "sqlite:"})
    if cache.store.startswith(SHARED_CACHE):
        cache = cache.model_copy(update={"store": "memory:"})
    parts = {"data_dir": data_dir, "index": index, "lexical": lexical, "log": log, "cache": cache}
    return settings.model_copy(update=parts)


async def _reach_models(settings: Settings, report: Report) -> None:
    models = [each for split in named_models(settings.models).values() for each, _ in split.shares()]
    servers = [(each.seam, url.strip().partition("#")[0]) for each in models for url in each.about.url.split(",")]
    reached = (_reach(f"{base}/models", name, report) for name, base in servers if base.startswith("http"))
    await asyncio.gather(*reached)


async def _reach_limits(settings: Settings, report: Report) -> None:
    """Ask the store of the limits, where there are limits and replicas share them.

    Raises:
        ConfigError: there is no such store.
    """
    async with AsyncExitStack() as stack:
        store = limiting.shared_store(settings, stack) if settings.quotas.bounded else None
        if store is None:
            return
        try:
            await store.take((), timeout_s=PROBE_TIMEOUT_S)
            report.state["limits_store"] = "answers"
        except SteadyragError as error:
            report.state["limits_store"] = "fails"
            report.problems.append(f"the limits cannot be checked, {FAILED[settings.quotas.fail]}: {error.message}")


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
    """What is to serve each port, for when it cannot be opened."""
    return {
        "embedder": settings.embedder.model,
        "index": settings.index.url,
        "lexical": settings.lexical.url,
        "document_log": settings.log.url,
        "cache": settings.cache.store,
        "limits": limiting.serving(settings),
        "model:small": settings.models.small,
        "model:large": settings.models.large,
    }


async def _reach(url: str, name: str, report: Report, *, key: str | None = None) -> dict[str, Any]:
    """The JSON object that is there; {} for anything else. A server that fails or does not answer is a problem."""
    timeout = aiohttp.ClientTimeout(total=PROBE_TIMEOUT_S)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    content: object = None
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url, headers=headers) as response:
            if response.status >= 500:
                report.problems.append(f"{name} answers {response.status} at {url}")
            content = orjson.loads(await response.read())
    except orjson.JSONDecodeError:
        pass  # such as the page of a proxy: it answers, which is what was asked
    except (aiohttp.ClientError, TimeoutError) as error:
        report.problems.append(f"{name} does not answer at {url} ({type(error).__name__})")
    return content if isinstance(content, dict) else {}


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
