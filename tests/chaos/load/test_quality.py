"""nDCG under load: judged questions at a real search endpoint's format."""

import asyncio

import orjson
import pytest
from aiohttp import web

from chaos.load import quality
from chaos.load.quality import QualityProbe
from chaos.load.traffic import TrafficOptions
from evals.errors import CannotMeasure

QUERIES = {"q1": "first", "q2": "second"}


def sent(url):
    return TrafficOptions(url, 1.0, 1, 5.0, api_key="secret")


@pytest.fixture
def data(tmp_path):
    (tmp_path / "qrels").mkdir()
    (tmp_path / "corpus.jsonl").write_text(
        "".join(f'{{"_id": "{key}", "title": "", "text": "t"}}\n' for key in ("d1", "d2", "d3"))
    )
    (tmp_path / "queries.jsonl").write_bytes(
        b"\n".join(orjson.dumps({"_id": key, "text": text}) for key, text in QUERIES.items())
    )
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t1\n")
    return tmp_path


@pytest.fixture
async def search():
    """A search that finds what it is told to; yields (url, answers, asked)."""
    answers, asked = {}, []

    async def handle(request):
        assert request.headers["Authorization"] == "Bearer secret"
        body = orjson.loads(await request.read())
        asked.append(body["query"])
        found = answers.get(body["query"])
        if found is None:
            return web.Response(status=503)
        return web.json_response({"results": [{"document_id": key} for key in found]})

    app = web.Application()
    app.router.add_post("/v1/search", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", answers, asked
    await runner.cleanup()


async def test_phases_are_compared_on_the_questions_that_each_has_answered(data, search, until, monkeypatch):
    monkeypatch.setattr(quality, "PACE_RPS", 1_000.0)
    url, answers, asked = search
    phase, looks = "warm-up", []
    probe = QualityProbe(sent(url), data, lambda: looks.append(phase) or phase)
    answers.update({"first": ["d1", "d1", "d2"], "second": ["d2"]})
    running = asyncio.create_task(probe.run())
    await until(lambda: len(looks) > 3)
    assert asked == []
    phase = "baseline"
    await until(lambda: len(asked) == 2)
    answers.clear()
    answers["first"] = ["d3", "d1"]
    phase = "fault"
    await until(lambda: len(asked) == 4)
    await until(lambda: "fault" in probe.figures())
    running.cancel()
    figures = probe.figures()
    assert figures["baseline"] == {"ndcg@10": 1.0, "n": 1}
    assert figures["fault"] == {"ndcg@10": pytest.approx(0.6309, abs=1e-4), "n": 1}
    assert asked == ["first", "second", "first", "second"]


async def test_without_answers_there_are_no_figures(data, search):
    assert QualityProbe(sent(search[0]), data, lambda: "baseline").figures() == {}


def test_a_folder_without_judgements_is_refused(tmp_path):
    with pytest.raises(CannotMeasure):
        QualityProbe(sent("http://127.0.0.1:1"), tmp_path, lambda: "baseline")
