import tomllib
from pathlib import Path

import typer.main

from evals.cache.group import app


def test_the_group_has_its_commands():
    assert "train" in typer.main.get_command(app).commands


def test_the_group_is_registered():
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    assert project["project"]["entry-points"]["steadyrag.commands"]["cache"] == "evals.cache.group:app"
