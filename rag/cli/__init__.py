"""The command `steadyrag`; sub-commands of other packages join by entry points of the group `steadyrag.commands`."""

from __future__ import annotations

from importlib.metadata import entry_points

import typer

from rag.cli.lazy import MARKUP, add_lazily
from rag.cli.output import exit_on_error

GROUP = "steadyrag.commands"

app = typer.Typer(
    name="steadyrag",
    help="A RAG service that holds its steady state.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=MARKUP,
)
add_lazily(
    app,
    {
        "serve": ("rag.cli.serve:serve", "Serve the HTTP API; on the loopback, unless there are keys."),
        "ingest": ("rag.cli.ingest:ingest", "Read documents into the index."),
        "ask": ("rag.cli.ask:ask", "Ask a question and print the answer with its citations."),
        "backup": ("rag.cli.backup:backup", "Write one archive of the data folder, in use or not."),
        "restore": ("rag.cli.backup:restore", "Make the data folder what an archive holds."),
        "doctor": ("rag.cli.doctor:doctor", "Say what serves each port, in which version, and what is wrong."),
        "keys": ("rag.cli.keys:app", "Make, list, end and replace API keys."),
    },
)


def with_commands_of_other_packages() -> typer.Typer:
    """The app with the sub-commands that installed packages register; they are to import next to nothing."""
    for point in entry_points(group=GROUP):
        app.add_typer(point.load(), name=point.name)
    return app


def main() -> None:
    """Run the command line; errors of ours end in one line and the exit status of the contract."""
    with exit_on_error():
        with_commands_of_other_packages()()
