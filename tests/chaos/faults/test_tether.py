import os
import subprocess
import sys

from chaos.faults import tether
from tests.support.processes import alive

TETHER = [sys.executable, "-I", "-S", tether.__file__]
#: Starts a child on its tether, says its id, and waits.
PARENT = """
import os, subprocess, sys
command = [*sys.argv[1:4], sys.argv[4], str(os.getpid()), sys.executable, "-c", "print(flush=True); input()"]
child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
input()
"""


def test_the_command_takes_its_place():
    command = [sys.executable, "-c", "import os; print(os.getpid())"]
    with subprocess.Popen([*TETHER, str(os.getpid()), *command], stdout=subprocess.PIPE) as process:
        assert int(process.stdout.read()) == process.pid


def test_it_dies_with_its_parent():
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, *TETHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        child = int(parent.stdout.readline())
        assert alive(child)
        parent.kill()
    while alive(child):
        pass


def test_without_its_parent_it_does_not_begin():
    done = subprocess.run([*TETHER, "1", "true"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "the parent is gone already\n")


def test_a_command_that_there_is_not():
    done = subprocess.run([*TETHER, str(os.getpid()), "no-such-program"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "no-such-program: No such file or directory\n")
