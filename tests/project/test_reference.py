"""The reference of settings, routes and commands is what the code is, and the site has every page."""

import runpy
from types import SimpleNamespace

import pytest
import yaml

from rag.api.app import create_app
from rag.compose import compose
from rag.settings import load_settings
from rag.telemetry.metrics import Metrics


@pytest.fixture(scope="module")
def reference(root):
    """The names of .ci/reference.py."""
    return SimpleNamespace(**runpy.run_path(str(root / ".ci" / "reference.py")))


def test_the_tables_of_the_settings_are_up_to_date(reference, root):
    page = (root / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert page == reference.configuration(page), "run .ci/reference.py, or make docs"


def test_the_words_of_the_page_stay_and_a_setting_without_any_is_described_as_in_the_code(reference):
    row = "| `STEADYRAG_TIMEOUT_S` | 7 | mine, [linked](a.md) |"
    page = reference.configuration(f"# Title\n\n## Settings\n\n{row}\n\n## The rest\n\nStays.\n")
    assert "| `STEADYRAG_TIMEOUT_S` | 30 | mine, [linked](a.md) |" in page
    assert "| `STEADYRAG_SHUTDOWN_S` | 20 | time that running requests have at shutdown |" in page
    assert "`[models.registry.NAME]`" in page
    assert page.endswith("\n\n## The rest\n\nStays.\n")


async def test_every_route_is_told_with_its_fields(reference, scratch, model_folder):
    service = await compose(load_settings(data_dir=scratch, cache_dir=model_folder.parent.parent))
    document = create_app(service, Metrics()).openapi()
    await service.aclose()
    page = reference.routes(document)
    for path, methods in document["paths"].items():
        assert all(f"\n### {method.upper()} {path}\n" in page for method in methods)
    assert "| `messages[].role` | `system`, `developer`, `user`, `assistant` | required |" in page
    assert "| `steadyrag.timeout_s` | number, above 0, at most 600 | none |" in page
    assert "The status is 202." in page


def test_every_command_is_told_with_its_options(reference):
    page = reference.commands()
    assert "\n## steadyrag keys create\n" in page
    assert "| `--port` | 8000 | Port; 0 takes a free one. |" in page
    assert "| `--arrivals` | `poisson` | Arrival process. `poisson`, `constant`, `step`, `ramp`. |" in page
    assert "| `PATH...` | required |" in page


def test_the_site_has_every_page(root):
    told = yaml.safe_load((root / "mkdocs.yml").read_text(encoding="utf-8"))
    kept = {path.relative_to(root / "docs").as_posix() for path in (root / "docs").rglob("*.md")}
    assert set(leaves(told["nav"])) == kept | {"reference/routes.md", "reference/commands.md"}


def leaves(nav):
    """The pages of a navigation."""
    if isinstance(nav, str):
        return [nav]
    return [page for entry in (nav.values() if isinstance(nav, dict) else nav) for page in leaves(entry)]
