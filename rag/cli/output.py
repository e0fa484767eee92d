"""What commands print: one JSON object as the last line on stdout with --json, everything for people on stderr."""

from __future__ import annotations

import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import orjson
import typer
import uvloop
from rich.console import Console
from rich.text import Text

from rag.errors import ConfigError, InvalidRequest, NotFound, SteadyragError

T = TypeVar("T")

FAILED, USAGE, INTERRUPTED = 1, 2, 130
people = Console(stderr=True)


def print_json(content: object) -> None:
    """One JSON object on one line."""
    sys.stdout.write(orjson.dumps(content, default=str).decode() + "\n")


def complain(label: str, message: str) -> None:
    """Say what is wrong, in one line and in the words that were given."""
    people.print(Text.assemble((label, "red"), f" {' '.join(message.split())}"), highlight=False, soft_wrap=True)


def fail(message: str, status: int = FAILED) -> typer.Exit:
    """Say what is wrong; gives back the exception that ends the command."""
    complain("steadyrag:", message)
    return typer.Exit(status)


@contextmanager
def exit_on_error() -> Iterator[None]:
    """End the process with one clear line instead of a traceback."""
    try:
        yield
    except (ConfigError, InvalidRequest, NotFound) as error:
        sys.exit(fail(error.message, USAGE).exit_code)
    except SteadyragError as error:
        sys.exit(fail(error.message).exit_code)
    except KeyboardInterrupt:
        sys.exit(_stopped())
    except SystemExit as ended:
        if ended.code == INTERRUPTED:  # so Typer says that Ctrl-C was pressed in a command
            _stopped()
        raise


def _stopped() -> int:
    people.print("[yellow]stopped[/yellow]")
    return INTERRUPTED


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine; Ctrl-C cancels it, so that what it opened is closed in order."""
    return uvloop.run(work)
