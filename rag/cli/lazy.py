"""Commands that are imported when they are called: each costs what it uses, and `--help` of a group next to nothing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from importlib import import_module
from typing import Any, ClassVar, Final

import typer
from typer.core import TyperCommand

#: How the help of every command is written.
MARKUP: Final = "markdown"


class LazyCommand(TyperCommand):
    """Stands for a command in the help of its group, and hands over to it when it is called.

    Attributes:
        target: where the command is, "package.module:name": a function, or a `typer.Typer` for a group.
    """

    target: ClassVar[str]

    @cached_property
    def loaded(self) -> Any:
        """The command itself."""
        module, _, attribute = self.target.partition(":")
        found = getattr(import_module(module), attribute)
        home = typer.Typer(add_completion=False, rich_markup_mode=MARKUP)
        if isinstance(found, typer.Typer):
            home.add_typer(found, name=self.name)
        else:
            home.command(self.name)(found)
        return typer.main.get_group(home).commands[str(self.name)]

    def make_context(self, *args: Any, **extra: Any) -> Any:
        """The context of the command itself, which also runs it."""
        return self.loaded.make_context(*args, **extra)


def add_lazily(app: typer.Typer, commands: Mapping[str, tuple[str, str]]) -> None:
    """Add commands by name: the target of each, as `LazyCommand.target`, and a line on what it does."""
    for name, (target, summary) in commands.items():
        app.command(name, cls=type("LazyCommand", (LazyCommand,), {"target": target}), help=summary)(_not_called)


def _not_called() -> None:
    """The callback that Typer wants of every command; a lazy one runs that of the command it stands for."""
