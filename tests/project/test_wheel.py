"""What a user installs: the built wheel, in a clean environment, away from this repository."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile

import pytest

pytestmark = pytest.mark.slow


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(root, tmp_path_factory):
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(root))
    (built,) = out.glob("steadyrag-*.whl")
    return built


@pytest.fixture(scope="module")
def clean(wheel, tmp_path_factory):
    """A fresh environment's bin folder: the wheel installed, its dependencies lent by the environment of the tests."""
    place = tmp_path_factory.mktemp("clean")
    venv.create(place, symlinks=True)
    python = place / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check")
    run(*pip, "install", "--no-deps", "--no-index", str(wheel))
    site = run(str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    # A .pth line puts a folder at the end of the path and reads no .pth inside it, the editable install's included.
    lent = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (place / site / "lent.pth").write_text("\n".join(sorted(lent)), encoding="utf-8")
    return place / "bin"


@pytest.fixture
def environment(tmp_path):
    """The caller's environment without what would lead Python or steadyrag back to this repository."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "STEADYRAG_"))}
    return {**kept, "STEADYRAG_DATA_DIR": str(tmp_path / "data")}


def test_the_wheel_holds_the_packages_the_licence_and_nothing_else(wheel, root, packages):
    names = {name for name in zipfile.ZipFile(wheel).namelist() if not name.endswith("/")}
    metadata = {name for name in names if ".dist-info/" in name}
    assert {name.split(".dist-info/")[1] for name in metadata} >= {"licenses/LICENSE", "entry_points.txt", "METADATA"}
    source = {path for package in packages for path in (root / package).rglob("*") if path.is_file()}
    assert names - metadata == {path.relative_to(root).as_posix() for path in source if path.suffix != ".pyc"}


def test_the_packages_come_from_the_wheel(clean, environment, packages):
    program = f"import {', '.join(packages)}; print(*(each.__file__ for each in ({', '.join(packages)})), sep='\\n')"
    for line in run(str(clean / "python"), "-c", program, cwd="/", env=environment).splitlines():
        assert line.startswith(str(clean.parent)), line


def test_doctor_is_content_with_the_wheel(clean, environment):
    output = run(str(clean / "steadyrag"), "doctor", "--json", cwd="/", env=environment)
    assert json.loads(output.splitlines()[-1])
