"""`python -m chaos.proxy`: the fault proxy alone, which starts faster than the whole command line."""

from __future__ import annotations

import sys

import typer

from chaos.errors import CannotRun
from chaos.proxy.command import proxy

USAGE = 2

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command()(proxy)


def main() -> None:
    """Run the command line; what makes it impossible is told in one line."""
    try:
        app(prog_name="python -m chaos.proxy")
    except CannotRun as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(USAGE)


if __name__ == "__main__":
    main()
