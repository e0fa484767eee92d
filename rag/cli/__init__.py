"""The command `steadyrag`; sub-commands of other packages join by entry points of the group `steadyrag.commands`."""

from __future__ import annotations

from importlib.metadata import entry_points

import typer

from rag.cli.ask import ask
from rag.cli.backup import backup, restore
from rag.cli.doctor import doctor
from rag.cli.ingest import ingest
from rag.cli.keys import app as keys
from rag.cli.output import exit_on_error
from rag.cli.serve import serve

GROUP = "steadyrag.commands"

app = typer.Typer(
    name="steadyrag",
    help="A RAG service that holds its steady state.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
for command in (serve, ingest, ask, backup, restore, doctor):
    app.command()(command)
app.add_typer(keys)


def with_commands_of_other_packages() -> typer.Typer:
    """The app with the sub-commands that installed packages register; loaded only when the command line runs."""
    for point in entry_points(group=GROUP):
        app.add_typer(point.load(), name=point.name)
    return app


def main() -> None:
    """Run the command line; errors of ours end in one line and the exit status of the contract."""
    with exit_on_error():
        with_commands_of_other_packages()()
