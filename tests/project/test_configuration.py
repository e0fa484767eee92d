"""docs/configuration.md names every setting, with the default that it has, and no other."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from rag.settings import PREFIX, Settings

ROW = re.compile(rf"^\| `({PREFIX}[A-Z_]+)` \| (.+?) \| .+ \|$", re.M)


def leaves(model, prefix=PREFIX):
    """Name in the environment -> field of every setting."""
    for key, field in model.model_fields.items():
        name = f"{prefix}{key.upper()}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from leaves(field.annotation, f"{name}__")
        else:
            yield name, field


SETTINGS = dict(leaves(Settings))


@pytest.fixture(scope="module")
def documented(root):
    """Name -> default as the page says it."""
    return dict(ROW.findall((root / "docs" / "configuration.md").read_text(encoding="utf-8")))


def test_every_setting_is_documented_and_no_other(documented):
    assert set(documented) == set(SETTINGS)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_default_is_the_default(documented, name):
    default = SETTINGS[name].get_default(call_default_factory=True)
    told = documented[name].strip("`")
    if isinstance(default, Path):
        assert told.startswith("the user's ")
    elif isinstance(default, bool):
        assert told == str(default).lower()
    elif isinstance(default, float):
        assert float(told) == default
    else:
        assert told == ("none" if default is None else str(default))


def test_every_setting_that_any_page_names_exists(root):
    pages = [root / "README.md", *sorted((root / "docs").rglob("*.md"))]
    named = {name for page in pages for name in re.findall(rf"{PREFIX}[A-Z_]*[A-Z]", page.read_text(encoding="utf-8"))}
    assert named
    assert not named - set(SETTINGS)
