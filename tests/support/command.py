"""The command `steadyrag` in the process of the tests: quicker to start than one of its own."""

import io
import json
import sys
import tempfile
from dataclasses import dataclass

import pytest

from rag.cli import main


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self):
        """The one JSON object on standard output."""
        (line,) = self.out.splitlines()
        return json.loads(line)

    @property
    def error(self):
        """The one line that says what is wrong; nothing else was printed."""
        assert not self.out
        (line,) = self.err.splitlines()
        return line.removeprefix("steadyrag: ")


class Command:
    """Runs commands: `command("ask", "What?")`."""

    def __init__(self, monkeypatch, capsys, environment):
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        for name, value in environment.items():
            monkeypatch.setenv(name, value)

    def __call__(self, *arguments, stdin=b""):
        self._monkeypatch.setattr(sys, "argv", ["steadyrag", *map(str, arguments)])
        with tempfile.TemporaryFile() as file, pytest.raises(SystemExit) as ended:
            file.write(stdin)
            file.seek(0)
            self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(file))
            main()
        return Result(ended.value.code or 0, *self._capsys.readouterr())
