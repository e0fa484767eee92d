"""Fenced blocks of Markdown, and the commands in those that are for a shell."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^(?P<mark>```+|~~~+)(?P<language>\w*)[^\n]*\n(?P<body>.*?)^(?P=mark)\s*$", re.M | re.S)
SHELL = {"sh", "bash", "shell", "console"}
SEPARATORS = re.compile(r"^[|&;()<>]+$")


@dataclass(frozen=True)
class Block:
    """A fenced block: its page below the repository, the line that it begins on, and what it says."""

    page: str
    line: int
    language: str
    body: str

    def __str__(self):
        return f"{self.page}:{self.line}"


def blocks(path):
    """The fenced blocks of a page of the repository."""
    text = path.read_text(encoding="utf-8")
    page = path.relative_to(ROOT).as_posix()
    for found in FENCE.finditer(text):
        yield Block(page, text.count("\n", 0, found.start()) + 1, found["language"], found["body"])


def shell_lines(text):
    """Logical lines of the shell blocks; of a console block only what follows the prompt."""
    for block in FENCE.finditer(text):
        if block["language"] in SHELL:
            yield from logical_lines(block["body"], prompt="$ " if block["language"] == "console" else "")


def logical_lines(body, prompt=""):
    """Lines with what continues them: after a backslash, or until a quotation closes."""
    pending = ""
    for line in body.splitlines():
        if not pending and not line.startswith(prompt):
            continue
        pending += line if pending else line.removeprefix(prompt)
        try:
            shlex.split(pending, comments=True)
        except ValueError:
            pending = pending[:-1] + " " if pending.endswith("\\") else pending + "\n"
        else:
            yield pending
            pending = ""


def commands(line):
    """The simple commands of a line, as words: `A=1 .venv/bin/steadyrag ask x | jq .` -> steadyrag ask x, jq . ."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    command = []
    for word in [*lexer, ";"]:
        if SEPARATORS.match(word):
            if command:
                yield [Path(command[0]).name, *command[1:]]
            command = []
        elif command or not re.match(r"\w+=", word):
            command.append(word)
