"""`steadyrag keys`: who may use the service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rag.access.access import Access
from rag.access.keys import Granted, Key, Token, shown
from rag.cli.output import people, print_json, run, say
from rag.cli.remote import connect, key_of, service_url
from rag.persistence import open_storage
from rag.settings import Settings, load_settings
from rag.storage.folder import DataFolder
from rag.types import ANONYMOUS, Role, SystemClock

if TYPE_CHECKING:
    from rag.cli.client import Remote

ROUTE = "/admin/keys"
DAY_S = 86_400

app = typer.Typer(name="keys", help="Make, list, end and replace API keys.", no_args_is_help=True)
_Url = Annotated[str | None, typer.Option(help="A running service; found by itself when it is local.")]
_Config = Annotated[Path | None, typer.Option(metavar="FILE.toml", help="Settings file.")]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
_Id = Annotated[str, typer.Argument(metavar="ID", help="As `steadyrag keys list` shows it.")]
_Fields = dict[str, Any]


@app.callback()
def _group() -> None:
    """Make, list, end and replace API keys.

    A running service is told; without one the keys in the data folder are changed.
    """


@app.command()
def create(
    *,
    tenant: Annotated[str, typer.Option(help="Whose data the key opens.")] = ANONYMOUS.tenant,
    role: Annotated[list[Granted], typer.Option(help="What it allows; may be repeated.")] = [Granted.QUERY],  # noqa: B006
    name: Annotated[str, typer.Option(help="What it is for.")] = "",
    valid_days: Annotated[float | None, typer.Option(min=0.001, help="Days until it ends; else it does not.")] = None,
    url: _Url = None,
    config: _Config = None,
    as_json: _Json = False,
) -> None:
    """Make a key and print it, this once. The first key closes the service to all who have none.

    Example: `steadyrag keys create --tenant acme --role query --role ingest --name "chat application"`
    """
    valid_s = None if valid_days is None else valid_days * DAY_S
    body = {"tenant": tenant, "roles": role, "name": name, "valid_s": valid_s}

    async def here(access: Access) -> _Fields:
        return _told(*await access.create(tenant, map(Role, role), name, valid_s=valid_s))

    _tell(_change(config, url, lambda service: service.call("POST", ROUTE, body), here), as_json=as_json)


@app.command("list")
def listed(url: _Url = None, config: _Config = None, as_json: _Json = False) -> None:
    """Show the keys, without their secrets.

    Example: `steadyrag keys list`
    """

    async def here(access: Access) -> _Fields:
        return {"keys": [_shown(key) for key in access.listed()]}

    found = _change(config, url, lambda service: service.call("GET", ROUTE), here)
    if as_json:
        print_json(found)
        return
    people.print(f"{len(found['keys'])} keys", highlight=False)
    for key in found["keys"]:
        state = "valid" if key["valid"] else "ended"
        say(f"{key['id']}  {key['tenant']:16}  {','.join(key['roles']):18}  {state}  {key['name']}")


@app.command()
def revoke(key_id: _Id, url: _Url = None, config: _Config = None, as_json: _Json = False) -> None:
    """End a key, at once.

    Example: `steadyrag keys revoke 5d2c6c3b7a8e9f01`
    """

    async def here(access: Access) -> _Fields:
        return _shown(await access.revoke(key_id))

    found = _change(config, url, lambda service: service.call("DELETE", f"{ROUTE}/{key_id}"), here)
    if as_json:
        print_json(found)
    people.print(f"{found['id']} opens nothing any more", highlight=False)


@app.command()
def rotate(
    key_id: _Id,
    *,
    grace_s: Annotated[float, typer.Option(min=0, help="Seconds that the old key still opens.")] = 0.0,
    url: _Url = None,
    config: _Config = None,
    as_json: _Json = False,
) -> None:
    """Make a key that allows the same, and end the old one.

    Example: `steadyrag keys rotate 5d2c6c3b7a8e9f01 --grace-s 3600`
    """

    async def here(access: Access) -> _Fields:
        return _told(*await access.rotate(key_id, grace_s=grace_s))

    body = {"grace_s": grace_s}
    _tell(
        _change(config, url, lambda service: service.call("POST", f"{ROUTE}/{key_id}/rotate", body), here),
        as_json=as_json,
    )


def _change(
    config: Path | None,
    url: str | None,
    there: Callable[[Remote], Awaitable[_Fields]],
    here: Callable[[Access], Awaitable[_Fields]],
) -> _Fields:
    """Have it done by the service that runs, or in the folder if none does."""
    settings = load_settings(config)
    running = service_url(settings, url)

    async def work() -> _Fields:
        if running is not None:
            async with connect(running, key_of(settings)) as service:
                return await there(service)
        async with _folder(settings) as access:
            return await here(access)

    return run(work())


@asynccontextmanager
async def _folder(settings: Settings) -> AsyncIterator[Access]:
    """The keys where the settings keep them."""
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(DataFolder(settings.data_dir))
        storage = open_storage(settings, folder, clock, stack)
        access = Access(storage.keys, clock, admin_key=settings.admin_key, shared=False)
        await access.start()
        yield access


def _shown(key: Key) -> _Fields:
    return shown(key, SystemClock().now())


def _told(key: Key, token: Token) -> _Fields:
    return {"key": str(token), **_shown(key)}


def _tell(made: _Fields, *, as_json: bool) -> None:
    people.print("the service now answers nobody without a key, commands included", highlight=False)
    people.print(f"key {made['id']} of {made['tenant']}; it is shown this once:", highlight=False)
    if as_json:
        print_json(made)
    else:
        typer.echo(made["key"])
