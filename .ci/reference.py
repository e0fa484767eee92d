"""The reference: of settings in docs/configuration.md, of routes and commands on pages that only the site has.

Run, it writes the tables of docs/configuration.md: names, defaults and order come from `rag.settings`, the words beside
them are the page's own and stay; a setting that the page does not have yet is described as in the code. As a hook of
MkDocs it adds the other pages. They are not kept: what they say `--help` and `/docs` say, too, and as part of the demo
corpus their bare rows stood before the sentences that answer a question.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from functools import cache
from importlib.metadata import entry_points
from inspect import cleandoc
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import typer.main
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from rag.api.app import create_app
from rag.cli import GROUP, app
from rag.compose import compose
from rag.settings import PREFIX, Settings, load_settings
from rag.telemetry.metrics import Metrics

CONFIGURATION = Path(__file__).resolve().parents[1] / "docs" / "configuration.md"

_ROUTES = """# Every route

What the service accepts, as its OpenAPI document has it: `/openapi.json` of a running service, to try out at `/docs`.
What the fields mean, what comes back, and the errors: [HTTP API](../api.md). Who may do what: [access](../access.md).
"""
_COMMANDS = """# Every command

`steadyrag COMMAND --help` says the same. With `--json` a command prints exactly one JSON object as its last line on
standard output; progress and logs go to standard error. Exit status: 0 done, 1 the check or gate failed, 2 bad usage
or configuration.
"""
_ROW = re.compile(rf"^\| `({PREFIX}[A-Z_]+)` \| .+? \| (.+) \|$", re.M)
_TABLES = re.compile(r"(?<=^## Settings\n).*?(?=^## )", re.M | re.S)
#: Bounds past this one are those of the type, not ours.
_UNBOUNDED = 2**31 - 1


def main() -> None:
    """Write the tables of the settings."""
    CONFIGURATION.write_text(configuration(CONFIGURATION.read_text(encoding="utf-8")), encoding="utf-8")


def on_files(files: Any, config: Any) -> None:
    """Add the pages that are not kept; MkDocs calls it."""
    from mkdocs.structure.files import File  # noqa: PLC0415 - installed for the site alone

    for name, text in pages().items():
        files.append(File.generated(config, f"reference/{name}.md", content=text))


@cache
def pages() -> dict[str, str]:
    """The pages that are not kept."""
    return {"routes": routes(asyncio.run(_openapi())), "commands": commands()}


def _table(head: str, rows: Iterable[tuple[str, ...]]) -> list[str]:
    """A table with the columns of `head` ("name, default"), or nothing where there are no rows."""
    names = tuple(head.split(", "))
    lines = [f"| {' | '.join(row)} |" for row in (names, *rows)]
    lines.insert(1, f"|{'---|' * len(names)}")
    return ["\n".join(lines)] if len(lines) > 2 else []


# Settings.


def configuration(page: str) -> str:
    """The page with tables that say what the settings are."""
    words = dict(_ROW.findall(page))
    return _TABLES.sub(lambda _: "\n" + "\n\n".join(_settings(words)) + "\n\n", page)


def _settings(words: Mapping[str, str]) -> Iterator[str]:
    sections = {key: model for key, field in Settings.model_fields.items() if (model := _model(field.annotation))}
    plain = {key: field for key, field in Settings.model_fields.items() if key not in sections}
    yield from _setting_table(((f"{PREFIX}{key.upper()}", field) for key, field in plain.items()), words)
    for key, model in sections.items():
        yield f"### {_first_line(model).removesuffix('.')}"
        yield f"In the TOML file: `[{key}]`."
        yield from _setting_table(_leaves(model, f"{PREFIX}{key.upper()}__"), words)
        yield from _named(model)


def _model(kind: Any) -> type[BaseModel] | None:
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _first_line(model: type[BaseModel]) -> str:
    return cleandoc(model.__doc__ or "").partition("\n")[0]


def _leaves(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, FieldInfo]]:
    for key, field in model.model_fields.items():
        name = f"{prefix}{key.upper()}"
        section = _model(field.annotation)
        yield from _leaves(section, f"{name}__") if section else [(name, field)]


def _setting_table(leaves: Iterable[tuple[str, FieldInfo]], words: Mapping[str, str]) -> list[str]:
    rows = ((f"`{name}`", _default(name, field), words.get(name) or _described(field)) for name, field in leaves)
    return _table("name, default, what it is", rows)


def _named(model: type[BaseModel]) -> Iterator[str]:
    """What a table of the TOML file with a name of the user's choice may hold."""
    for field in model.model_fields.values():
        entry = _model(get_args(field.annotation)[-1]) if get_origin(field.annotation) is dict else None
        if entry and "`[" in _first_line(entry):
            yield _first_line(entry)
            rows = ((f"`{key}`", _default(key, each), _described(each)) for key, each in entry.model_fields.items())
            yield from _table("key, default, what it is", rows)


def _default(name: str, field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    if isinstance(default, Path):
        return f"the user's {name.removeprefix(PREFIX).removesuffix('_DIR').lower()} folder"
    return _value(default)


def _value(default: object) -> str:
    """A default as people write it."""
    if isinstance(default, list):
        return ", ".join(map(_value, default)) or "none"
    if isinstance(default, str | dict):
        return f"`{default}`" if default != "" else "none"
    return _number(default) if isinstance(default, float) else str(default).lower()


def _number(value: float) -> str:
    return f"{value:.15g}"


def _described(field: FieldInfo) -> str:
    told = (field.description or "").removesuffix(".")
    return told[:1].lower() + told[1:]


# Routes.


async def _openapi() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        service = await compose(load_settings(data_dir=Path(folder)))
        try:
            return create_app(service, Metrics()).openapi()
        finally:
            await service.aclose()


def routes(document: dict[str, Any]) -> str:
    """The page on the paths of an OpenAPI document, by tag."""
    schemas = document["components"]["schemas"]
    tagged = defaultdict[str, list[str]](list)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            about = [f"### {method.upper()} {path}", _about(operation)]
            tagged[operation["tags"][0]] += [*about, *_parameters(operation), *_body(operation, schemas)]
    parts = (part for tag, group in tagged.items() for part in (f"## {tag.capitalize()}", *group))
    return "\n\n".join([_ROUTES.rstrip(), *parts]) + "\n"


def _about(operation: dict[str, Any]) -> str:
    sentences = [operation["summary"] + "."]
    if "description" in operation:
        sentences.append(operation["description"])
    (status,) = (code for code in operation["responses"] if code.startswith("2"))
    if status != "200":
        sentences.append(f"The status is {status}.")
    return " ".join(sentences)


def _parameters(operation: dict[str, Any]) -> list[str]:
    rows = (
        (f"`{each['name']}`", each["in"], _kind(each["schema"], {}), _presence(each["schema"], each.get("required")))
        for each in operation.get("parameters", ())
    )
    return _table("parameter, in, type, default", rows)


def _body(operation: dict[str, Any], schemas: dict[str, Any]) -> list[str]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    return _table("field, type, default", _fields(content["schema"], schemas, "")) if content else []


def _fields(schema: dict[str, Any], schemas: dict[str, Any], prefix: str) -> Iterator[tuple[str, ...]]:
    """A row for each field, those of the objects within it after it: `messages[].role`."""
    for name, field in schema.get("properties", {}).items():
        required = name in schema.get("required", ())
        yield f"`{prefix}{name}`", _kind(field, schemas), _presence(field, required)
        for inner, path in _objects(field, f"{prefix}{name}"):
            yield from _fields(schemas[inner], schemas, f"{path}.")


def _objects(schema: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """The named schemas that a value may have, or the items of a list."""
    if "$ref" in schema:
        yield schema["$ref"].rpartition("/")[2], path
    for option in schema.get("anyOf", ()):
        yield from _objects(option, path)
    if "items" in schema:
        yield from _objects(schema["items"], f"{path}[]")


def _presence(schema: dict[str, Any], required: bool | None) -> str:
    return "required" if required else _value(schema.get("default"))


def _kind(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    """The type of a value in words: "integer, 1 or more", "list of string"."""
    if "$ref" in schema:
        named = schemas[schema["$ref"].rpartition("/")[2]]
        return _kind(named, schemas) if "enum" in named else "object"
    if "anyOf" in schema:
        kinds = dict.fromkeys(_kind(each, schemas) for each in schema["anyOf"] if each.get("type") != "null")
        return " or ".join(kinds)
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum") or [schema["const"]])
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'], schemas)}"
    return str(schema.get("type", "any")) + _bounds(schema)


def _bounds(schema: dict[str, Any]) -> str:
    told = {
        "minimum": "at least {}",
        "exclusiveMinimum": "above {}",
        "maximum": "at most {}",
        "maxLength": "at most {} characters",
    }
    known = {key: words for key, words in told.items() if abs(schema.get(key, _UNBOUNDED)) < _UNBOUNDED}
    return "".join(f", {words.format(_number(schema[key]))}" for key, words in known.items())


# Commands.


def commands() -> str:
    """The page on `steadyrag` with the commands of all packages."""
    tree: Any = typer.main.get_command(app)
    groups = {point.name: typer.main.get_command(point.load()) for point in entry_points(group=GROUP)}
    parts = (part for key, each in {**tree.commands, **groups}.items() for part in _commands(each, f"steadyrag {key}"))
    return "\n\n".join([_COMMANDS.rstrip(), *parts]) + "\n"


def _commands(command: Any, name: str) -> Iterator[str]:
    command = getattr(command, "loaded", command)  # those that are imported when they are called
    if hasattr(command, "commands"):
        for key, child in command.commands.items():
            yield from _commands(child, f"{name} {key}")
        return
    yield f"## {name}"
    yield cleandoc(command.help)
    choices = {key: _choices(hint) for key, hint in get_type_hints(command.callback).items()}
    rows = ((_names(each), _given(each), _meaning(each, choices.get(each.name, []))) for each in command.params)
    yield from _table("option, default, what it is", rows)


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{(parameter.metavar or parameter.name).upper()}`"
    return ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))


def _given(parameter: Any) -> str:
    default = parameter.default.value if isinstance(parameter.default, Enum) else parameter.default
    return "required" if parameter.required else _value(None if default is False else default)


def _meaning(parameter: Any, choices: list[str]) -> str:
    told = (parameter.help or "").replace("|", r"\|")
    return " ".join([told, *([", ".join(f"`{choice}`" for choice in choices) + "."] if choices else [])])


def _choices(hint: Any) -> list[str]:
    """The words that an option takes, where they are counted."""
    if isinstance(hint, type) and issubclass(hint, Enum):
        return [str(member.value) for member in hint]
    if get_origin(hint) is Literal:
        return list(map(str, get_args(hint)))
    return [choice for inner in get_args(hint) for choice in _choices(inner)]


if __name__ == "__main__":
    main()
