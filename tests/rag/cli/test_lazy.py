import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from rag.cli import with_commands_of_other_packages
from rag.cli.lazy import LazyCommand, add_lazily

#: What is imported, step by step, and what is not to be loaded by then: each would cost a tenth of a second or more.
STEPS = [
    (
        {"rag.cli", "chaos.cli", "evals.cli", "evals.cache.group", "evals.routing.group"},
        {"aiohttp", "fastapi", "numpy", "pydantic"},
    ),
    ({"rag.cli.ask", "rag.cli.backup", "rag.cli.ingest"}, {"aiohttp", "fastapi", "numpy", "rag.compose"}),
    ({"rag.cli.composed", "rag.cli.keys"}, {"aiohttp", "fastapi", "markdown_it", "prometheus_client", "starlette"}),
]


def told(word: str, *, loud: bool = False):
    """Say it."""
    typer.echo(word.upper() if loud else word)


group = typer.Typer(help="Of several.")
group.command("told")(told)
group.command("again")(told)


@pytest.fixture
def run():
    """Run lazy commands: a function, a group, and one that is not there."""
    app = typer.Typer()
    targets = {"say": "told", "several": "group", "lost": "lost"}
    add_lazily(app, {name: (f"{__name__}:{target}", f"What {name} does.") for name, target in targets.items()})
    return lambda *words: CliRunner().invoke(app, words, prog_name="us")


def lazy(tree, *words):
    """Every lazy command of the tree, by its words."""
    for name, child in getattr(tree, "commands", {}).items():
        if isinstance(child, LazyCommand):
            yield " ".join([*words, name]), child
        yield from lazy(getattr(child, "loaded", child), *words, name)


def test_a_command_gets_what_it_is_called_with(run):
    assert run("say", "word", "--loud").output == "WORD\n"
    assert "Usage: us say [OPTIONS]" in run("say", "--help").output
    assert run("say").exit_code == 2


def test_a_group_has_its_commands(run):
    assert run("several", "told", "word").output == "word\n"
    assert "Of several." in run("several", "--help").output


def test_help_needs_no_import(run):
    done = run("--help")
    assert done.exit_code == 0
    assert "What lost does." in done.output
    assert isinstance(run("lost").exception, AttributeError)


def test_every_command_of_ours_is_there_and_says_in_a_line_what_it_does():
    commands = dict(lazy(typer.main.get_command(with_commands_of_other_packages())))
    assert {"serve", "keys", "chaos run", "eval latency", "cache warm", "router train"} <= commands.keys()
    assert all(command.loaded.name == name.split()[-1] for name, command in commands.items())
    assert not [name for name, command in commands.items() if not command.help.endswith(".")]


def test_a_command_imports_what_it_needs():
    program = "import sys\nfor names in sys.argv[1:]:\n    exec(f'import {names}')\n    print(*sys.modules)"
    steps = [", ".join(sorted(names)) for names, _ in STEPS]
    done = subprocess.run([sys.executable, "-c", program, *steps], capture_output=True, text=True, check=True)
    loaded = [set(line.split()) for line in done.stdout.splitlines()]
    assert [names & unused for names, (_, unused) in zip(loaded, STEPS, strict=True)] == [set()] * len(STEPS)
