"""`steadyrag backup` and `steadyrag restore`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated

import typer
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from rag.cli.output import people, print_json, run
from rag.cli.remote import connect, key_of, service_url
from rag.errors import ConfigError
from rag.retrieval import generations
from rag.settings import Settings, load_settings
from rag.storage import backup as archives
from rag.storage.archive import Entry
from rag.storage.folder import DataFolder

Config = Annotated[Path | None, typer.Option(metavar="FILE.toml", help="Settings file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object at the end.")]


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the archive goes.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the file that is there.")] = False,
    url: Annotated[str | None, typer.Option(help="A running service; found by itself when it is local.")] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Write one archive of the data folder, whether a service runs on it or not.

    Example: `steadyrag backup monday.tar`
    """
    settings = _settings(config)
    _ensure_free(file, force=force)
    part = file.with_name(f".{file.name}.part")
    running = service_url(settings, url)
    try:
        with _writable(part) as out:
            if running is None:
                _pack(settings, out)
            else:
                run(_fetch(running, key_of(settings), out))
        entries = _check(part)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    size = file.stat().st_size
    people.print(f"{file}: {len(entries)} files, {decimal(size)}", highlight=False, soft_wrap=True)
    if as_json:
        print_json({"file": str(file), "bytes": size, "files": len(entries)})


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An archive that `steadyrag backup` wrote.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the data that is there.")] = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Make the data folder what the archive holds; the whole archive is checked before anything is touched.

    Example: `steadyrag restore monday.tar`
    """
    settings = _settings(config)
    with _progress("restoring", 2 * _size(file)) as advance:
        archives.restore(file, settings.data_dir, force=force, advance=advance)
    people.print(f"{settings.data_dir} is as it was backed up", highlight=False, soft_wrap=True)
    if as_json:
        print_json({"file": str(file), "data_dir": str(settings.data_dir)})


def _ensure_free(file: Path, *, force: bool) -> None:
    if file.is_dir():
        raise ConfigError(f"{file} is a folder; name the file that the archive shall be")
    if file.exists() and not force:
        raise ConfigError(f"{file} exists; --force replaces it")


def _settings(config: Path | None) -> Settings:
    settings = load_settings(config)
    if settings.index.url.startswith("edge:") and settings.index.url != "edge:":
        raise ConfigError(
            f"STEADYRAG_INDEX__URL={settings.index.url!r} lies outside the data folder, which is what a backup holds; "
            "stop the service and copy both folders"
        )
    return settings


def _pack(settings: Settings, out: IO[bytes]) -> None:
    if not (settings.data_dir / archives.CATALOG).exists():
        raise ConfigError(f"{settings.data_dir} holds no data to back up")
    with DataFolder(settings.data_dir) as folder, _progress("backing up", None):
        archives.pack(out, folder.path, _shards(settings))


def _shards(settings: Settings) -> dict[str, Path]:
    """Name in the archive -> folder of each shard that lies in the data folder."""
    homes = sorted((settings.data_dir / "index").glob("shard-*"))
    return {f"index/{home.name}": generations.current(home) for home in homes}


async def _fetch(url: str, key: str | None, out: IO[bytes]) -> None:
    async with connect(url, key) as service, service.download("/admin/backup") as (size, pieces):
        with _progress("backing up", size) as advance:
            async for piece in pieces:
                await asyncio.to_thread(out.write, piece)
                advance(len(piece))


def _check(part: Path) -> dict[str, Entry]:
    with _progress("checking", _size(part)) as advance:
        return archives.check(part, advance)


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


@contextmanager
def _writable(part: Path) -> Iterator[IO[bytes]]:
    try:
        with part.open("wb") as out:
            yield out
    except OSError as error:
        raise ConfigError(f"cannot write {part.parent}: {error.strerror}") from error


@contextmanager
def _progress(doing: str, total: int | None) -> Iterator[Callable[[int], None]]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=people, transient=True) as progress:
        task = progress.add_task(doing, total=total)
        yield lambda done: progress.advance(task, done)
