import json

import pytest
from typer.testing import CliRunner

from evals.cli import app
from evals.errors import CannotMeasure
from evals.runs import Run, prepare_folder, save_run
from tests.support.profiled import PARTS, RECORDS

pytest.importorskip("pyarrow")


@pytest.fixture
def files(tmp_path):
    """Options that name a run folder and a price list."""
    folder, prices = tmp_path / "light", tmp_path / "prices.toml"
    prepare_folder(folder)
    save_run(folder, Run("latency", 0.0, 0, {}, {}, {}, None), [record.row() for record in RECORDS])
    tables = (
        "\n".join([f"[parts.{name}]", *(f"{key} = {json.dumps(value)}" for key, value in told(part).items())])
        for name, part in PARTS.items()
    )
    prices.write_text("\n".join(tables))
    return ["--profile", str(folder), "--prices", str(prices)]


def told(part):
    return part.model_dump(exclude_defaults=True)


def plan(*options):
    return CliRunner().invoke(app, ["plan", *map(str, options), "--requests", "500"], catch_exceptions=False)


def test_one_json_object_holds_the_plan(files):
    figures = json.loads(plan(*files, "--rate", "40", "--slo", "e2e=1", "--attain", "0.95", "--json").stdout)
    assert figures["replicas"].keys() == PARTS.keys()
    assert [row["factor"] for row in figures["path"]] == [1, 2, 5, 10]
    assert figures["cost_per_1000"] == pytest.approx(figures["cost_per_hour"] / 144)
    assert figures["expected"]["attained"] >= 0.95
    assert figures["profiled"] == len(RECORDS)


def test_people_get_a_table_and_what_each_lever_saves(files):
    done = plan(*files, "--rate", "40", "--slo", "ttft=1")
    assert (done.exit_code, done.stdout) == (0, "")
    for words in (
        "without caching",
        "saved by caching",
        "40% at 10 times the load",
        "10 times the load at",
        "It assumes:",
    ):
        assert words in done.stderr


@pytest.mark.parametrize(
    ("slo", "complaint"),
    [("", "wants ttft= or e2e="), ("itl=0.1,e2e=1", "not simulated"), ("e2e=0.01", "no number of")],
)
def test_what_cannot_be_planned_is_said(files, slo, complaint):
    with pytest.raises(CannotMeasure, match=complaint):
        plan(*files, "--rate", "40", "--slo", slo)
