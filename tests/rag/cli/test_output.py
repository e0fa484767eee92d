import asyncio
import json

import pytest
from rich.table import Table

from rag.cli.output import (
    FAILED,
    INTERRUPTED,
    USAGE,
    complain,
    exit_on_error,
    fail,
    people,
    print_json,
    printable,
    run,
    say,
)
from rag.errors import ConfigError, DependencyFailed, InvalidRequest, NotFound, StorageFull, UnreadableDocument


def test_json_is_one_line_on_standard_output(capsys, tmp_path):
    print_json({"a": "line\nbreak", "path": tmp_path})
    out, err = capsys.readouterr()
    assert out.count("\n") == 1
    assert json.loads(out) == {"a": "line\nbreak", "path": str(tmp_path)}
    assert not err


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("no such file", "no such file"),
        ("one\ntwo   three", "one two three"),
        ("a [bold]name[/bold] and [1]", "a [bold]name[/bold] and [1]"),
        ("x" * 500, "x" * 500),
        ("ends in a backslash\\", "ends in a backslash\\"),
        ("[red]\\[/red]", "[red]\\[/red]"),
    ],
)
def test_what_is_wrong_is_one_line_as_it_was_said(capsys, message, line):
    assert fail(message).exit_code == FAILED
    complain("problem:", message)
    out, err = capsys.readouterr()
    assert err == f"steadyrag: {line}\nproblem: {line}\n"
    assert not out


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ConfigError("wrong"), USAGE),
        (InvalidRequest("wrong"), USAGE),
        (UnreadableDocument("wrong"), USAGE),
        (NotFound("wrong"), USAGE),
        (DependencyFailed("wrong"), FAILED),
        (StorageFull("wrong"), FAILED),
    ],
)
def test_each_error_ends_in_its_status(capsys, error, status):
    with pytest.raises(SystemExit) as ended, exit_on_error():
        raise error
    assert ended.value.code == status
    assert capsys.readouterr().err == "steadyrag: wrong\n"


@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), SystemExit(INTERRUPTED)])
def test_an_interruption_ends_in_the_status_of_one(capsys, interruption):
    with pytest.raises(SystemExit) as ended, exit_on_error():
        raise interruption
    assert ended.value.code == INTERRUPTED
    assert capsys.readouterr().err == "stopped\n"


def test_a_foreign_error_is_not_hidden():
    with pytest.raises(ZeroDivisionError), exit_on_error():
        raise ZeroDivisionError


def test_run_gives_back_what_the_work_gives():
    async def work():
        await asyncio.sleep(0)
        return "done"

    assert run(work()) == "done"


#: Rings, clears the screen, renames the window, colours, and turns the reading direction.
HOSTILE = "a\a\x1b[2J\x1b]0;owned\x07b\x9b1m\u202ec [red]d[/red] [/x]"
HARMLESS = "a\ufffd\ufffd[2J\ufffd]0;owned\ufffdb\ufffd1m\ufffdc [red]d[/red] [/x]"


def test_what_documents_say_neither_commands_the_terminal_nor_is_markup(capsys):
    say(HOSTILE)
    assert capsys.readouterr().out == f"{HARMLESS}\n"
    people.print(HOSTILE, highlight=False, soft_wrap=True)
    complain("note:", HOSTILE)
    table = Table(title=HOSTILE, show_header=False, box=None, padding=0)
    table.add_row(HOSTILE)
    people.print(table)
    assert capsys.readouterr().err.splitlines() == [HARMLESS, f"note: {HARMLESS}", HARMLESS, HARMLESS]


def test_lines_tabs_and_letters_of_all_scripts_are_shown_as_they_are():
    text = "a\tb\nü 漢 \u05d0\u200d 🙂"
    assert printable(text) == text
    assert printable("a line\rthat hides") == "a line\ufffdthat hides"
