"""What the documentation says exists: commands, options, make targets, links."""

import re
import shlex
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import typer.main

from tests.support.markdown import FENCE, commands, shell_lines

ROOT = Path(__file__).resolve().parents[2]
TOP = ("README.md", "CONTRIBUTING.md", "SECURITY.md")
PAGES = [*(ROOT / name for name in TOP), *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)(?:\s+\"[^\"]*\")?\)")
FIRST_SCREEN_LINES = 50


@pytest.fixture(params=PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def page(request):
    return request.param


def fault(command, words):
    """What of the words does not exist in the Typer command, or None."""
    command = getattr(command, "loaded", command)
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    for position, word in enumerate(words):
        if word.startswith("--") and word.split("=")[0] not in {*options, "--help"}:
            return f"no option {word}"
        if not word.startswith("-") and (children := getattr(command, "commands", None)):
            child = children.get(word)
            return fault(child, words[position + 1 :]) if child else f"no command {word}"
    return None


def documented(page, tool):
    """Arguments of each call of the tool in the page's shell blocks."""
    lines = shell_lines(page.read_text(encoding="utf-8"))
    return [words[1:] for line in lines for words in commands(line) if words[0] == tool]


@pytest.fixture(scope="module")
def targets():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z][a-z-]*):", makefile, re.M))


def test_the_first_screen_leads_to_an_answer():
    first = "\n".join((ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:FIRST_SCREEN_LINES])
    assert {"make run", "make test", "curl"} <= set(re.findall(r"make run|make test|curl", first))


@pytest.fixture(scope="module")
def tree():
    """`steadyrag` with the commands of all packages."""
    from rag.cli import GROUP, app

    tree = typer.main.get_command(app)
    for point in entry_points(group=GROUP):
        tree.commands[point.name] = typer.main.get_command(point.load())
    return tree


def test_steadyrag_commands_exist(page, tree):
    faults = {shlex.join(words): fault(tree, words) for words in documented(page, "steadyrag")}
    assert not {words: wrong for words, wrong in faults.items() if wrong}


def test_make_targets_exist(page, targets):
    text = page.read_text(encoding="utf-8")
    named = {word for words in documented(page, "make") for word in words if re.fullmatch(r"[a-z-]+", word)}
    named |= set(re.findall(r"`make ([a-z][a-z-]*)", text))
    assert not named - targets


def test_targets_are_documented_and_phony(targets):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert targets == set(re.findall(r"^([a-z][a-z-]*):.* ## \S", makefile, re.M))
    assert targets == set(re.search(r"^\.PHONY:(.*)$", makefile, re.M)[1].split())


def anchor(heading):
    """The name that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def test_links_lead_somewhere(page):
    broken = []
    for link in LINK.finditer(FENCE.sub("", page.read_text(encoding="utf-8"))):
        path, _, fragment = link["target"].partition("#")
        if re.match(r"[a-z]+:", path):
            continue
        target = (page.parent / path).resolve() if path else page
        found = target.exists() and target.is_relative_to(ROOT)
        if found and fragment and target.suffix == ".md":
            headings = re.findall(r"^#+ (.*)$", FENCE.sub("", target.read_text(encoding="utf-8")), re.M)
            found = fragment in {anchor(heading) for heading in headings}
        if not found:
            broken.append(link["target"])
    assert not broken


def test_commands_are_read_as_a_shell_reads_them():
    assert list(commands('A=1 .venv/bin/steadyrag ask "x | y" --json | jq . # why')) == [
        ["steadyrag", "ask", "x | y", "--json"],
        ["jq", "."],
    ]


def test_shell_lines_join_continuations_and_leave_out_output():
    text = "```console\n$ a \\\n  b 'x\ny'\noutput\n```\n\n```sh\nc # don't\n```\n\n```python\nd\n```\n"
    assert list(shell_lines(text)) == ["a    b 'x\ny'", "c # don't"]


def test_fault_finds_what_does_not_exist():
    app, sub = typer.Typer(), typer.Typer()
    app.add_typer(sub, name="eval")
    app.command("ask")(lambda question: None)

    @sub.command("cache")
    def cache(pairs: str = "", *, json: bool = False):
        """Told."""

    tree = typer.main.get_command(app)
    assert fault(tree, ["eval", "cache", "--pairs", "x", "--json"]) is None
    assert fault(tree, ["ask", "what?"]) is None
    assert fault(tree, ["eval", "cache", "--pair=x"]) == "no option --pair=x"
    assert fault(tree, ["eval", "nothing"]) == "no command nothing"
