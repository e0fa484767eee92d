import json
from importlib.metadata import EntryPoint

import pytest
import typer
from typer.testing import CliRunner

import rag.cli
from rag.cli import GROUP, app, with_commands_of_other_packages
from tests.support.command import Command
from tests.support.processes import Environment, steadyrag

COMMANDS = {"serve", "ingest", "ask", "backup", "restore", "doctor"}
KEYS = {"create", "list", "revoke", "rotate"}


@pytest.fixture
def environment(scratch, model_folder):
    return Environment(scratch / "data", model_folder)


def test_the_commands():
    assert {command.name for command in app.registered_commands} == {*COMMANDS, "keys"}


@pytest.mark.parametrize("words", [*([name] for name in sorted(COMMANDS)), *(["keys", name] for name in sorted(KEYS))])
def test_each_command_shows_how_it_is_used(words):
    result = CliRunner().invoke(app, [*words, "--help"])
    assert result.exit_code == 0
    assert "Example: " in result.output


def test_other_packages_add_commands_by_entry_points(monkeypatch):
    other = typer.Typer()
    other.command("list")(lambda: typer.echo("found"))
    monkeypatch.setattr(rag.cli, "app", typer.Typer())
    monkeypatch.setattr(EntryPoint, "load", lambda _: other)
    points = [EntryPoint("experiments", "anywhere:app", GROUP)]
    monkeypatch.setattr(rag.cli, "entry_points", lambda group: points if group == GROUP else [])
    result = CliRunner().invoke(with_commands_of_other_packages(), ["experiments", "list"])
    assert result.output == "found\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "No such command"),
        (["ask"], "Missing argument"),
        (["serve", "--prot", "1"], "No such option"),
        (["ingest"], "Missing argument"),
        (["ask", "x", "--config", "nowhere.toml"], "no such configuration file"),
    ],
)
def test_bad_usage_ends_in_2_without_a_traceback(monkeypatch, capsys, environment, arguments, said):
    result = Command(monkeypatch, capsys, environment)(*arguments)
    assert result.status == 2
    assert said in result.err
    assert not result.out
    assert "Traceback" not in result.err


def test_without_a_command_it_shows_how_it_is_used(monkeypatch, capsys, environment):
    result = Command(monkeypatch, capsys, environment)()
    assert "ingest" in result.out + result.err


def test_json_is_the_last_line_and_the_rest_goes_to_standard_error(environment, tmp_path):
    (tmp_path / "a.md").write_text("# Title\n\nSome text.")
    done = steadyrag(environment, "ingest", "a.md", "--json", cwd=tmp_path)
    assert (done.returncode, done.stdout.count("\n")) == (0, 1)
    assert json.loads(done.stdout)["stored"] == 1
    assert "1 stored" in done.stderr
