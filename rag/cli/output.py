"""What commands print: one JSON object as the last line on stdout with --json, everything for people on stderr.

Titles, passages, answers and names come from others. So brackets are no markup unless a call says so, and no character
reaches a terminal that would command it.
"""

from __future__ import annotations

import re
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
#: Command a terminal instead of being shown (C0 but tab and line feed, DEL, C1; ECMA-48), or turn the direction of what
#: follows, so that a name reads as another (Unicode TR 36).
_COMMANDING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class _People(Console):
    """A console that shows strings as they are, without the characters that would command it."""

    def render_str(self, text: str, **options: Any) -> Text:
        """See `Console.render_str`, through which every string goes that is no `Text`."""
        return super().render_str(printable(text), **options)


people = _People(stderr=True, markup=False)


def printable(text: str) -> str:
    """The text with a replacement character for each that is not to be shown but to be obeyed."""
    return _COMMANDING.sub("\ufffd", text)


def say(text: str) -> None:
    """What was asked for, on stdout."""
    typer.echo(printable(text))


def print_json(content: object) -> None:
    """One JSON object on one line."""
    sys.stdout.write(orjson.dumps(content, default=str).decode() + "\n")


def complain(label: str, message: str) -> None:
    """Say what is wrong, in one line and in the words that were given."""
    line = printable(" ".join(message.split()))
    people.print(Text.assemble((label, "red"), f" {line}"), highlight=False, soft_wrap=True)


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
    people.print("stopped", style="yellow")
    return INTERRUPTED


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine; Ctrl-C cancels it, so that what it opened is closed in order."""
    return uvloop.run(work)
