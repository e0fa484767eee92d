import sys
from contextlib import AsyncExitStack

import pytest
from aiohttp import web

from chaos.lab.qdrant.server import VERSION, serving
from rag import doctor, limiting
from rag.access.limits import MemoryLimits
from rag.disclosed import disclosed
from rag.doctor import examine, foreign_packages
from rag.settings import load_settings
from rag.storage.folder import DataFolder
from tests.support.clock import FakeClock


@pytest.fixture
def settings(scratch, model_folder):
    def make(**values):
        values = {"index": {"shards": 1}} | values
        return load_settings(data_dir=scratch / "data", cache_dir=model_folder.parent.parent, **values)

    return make


async def test_what_serves_what_is_held_and_in_which_version(settings, scratch):
    report = await examine(settings())
    assert report.problems == []
    assert report.misconfigured is False
    assert report.serving["index"] == "edge: 1 shards (Qdrant Edge)"
    assert report.state["data_dir"] == str(scratch / "data")
    assert report.state["collections"] == {}
    assert report.state["documents"] == 0
    assert report.notes == []
    assert report.state["log_position"] == 0
    assert report.state["disk_free_mib"] > 0
    assert {"python", "steadyrag", *doctor.LIBRARIES} == set(report.versions)
    assert "not installed" not in report.versions.values()


async def test_a_library_that_is_absent_is_said(settings, monkeypatch):
    monkeypatch.setattr(doctor, "LIBRARIES", ("no-such-library",))
    assert (await examine(settings())).versions["no-such-library"] == "not installed"


async def test_a_folder_that_is_held_and_not_served_is_a_problem(settings, scratch):
    with DataFolder(scratch / "data"):
        report = await examine(settings())
    (problem,) = report.problems
    assert "is in use by process" in problem
    assert report.misconfigured


@pytest.fixture
async def answering():
    """Start a server whose every answer has the status; gives its URL."""
    runners = []

    async def start(status):
        async def answer(_):
            return web.Response(status=status)

        app = web.Application()
        app.router.add_get("/{path:.*}", answer)
        runners.append(web.AppRunner(app, access_log=None))
        await runners[-1].setup()
        await web.TCPSite(runners[-1], "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runners[-1].addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def service(scratch):
    """Announce a service on the data folder that tells the given settings; gives its URL."""
    async with AsyncExitStack() as stack:

        async def start(told, documents=3):
            async def ready(_):
                return web.json_response({"ready": True, "documents": documents})

            async def shown(request):
                keyed = request.headers.get("Authorization") == "Bearer s3cret"
                return web.json_response({"settings": disclosed(told)} if keyed or not told.admin_key else {})

            app = web.Application()
            app.add_routes([web.get("/ready", ready), web.get("/admin/settings", shown)])
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            stack.enter_context(DataFolder(scratch / "data")).announce(url)
            return url

        yield start


async def test_beside_a_running_service_all_may_be_well(settings, service):
    await service(settings())
    report = await examine(settings())
    assert (report.problems, report.notes, report.misconfigured) == ([], [], False)
    assert report.state["documents"] == 3


async def test_settings_that_are_not_those_of_the_running_service_are_noted(settings, service):
    await service(settings())
    report = await examine(settings(timeout_s=7.0, log={"url": "redis://user:hush@127.0.0.1:9/0"}))
    assert (report.problems, report.misconfigured) == ([], False)
    assert report.notes == [
        "STEADYRAG_LOG__URL is 'redis://***@127.0.0.1:9/0' here and 'sqlite:' in the running service",
        "STEADYRAG_TIMEOUT_S is 7.0 here and 30.0 in the running service",
    ]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"log": {"url": "kafka://here"}}, "STEADYRAG_LOG__URL='kafka://here'"),
        ({"index": {"url": "faiss:"}}, "STEADYRAG_INDEX__URL='faiss:'"),
        ({"lexical": {"url": "qdrant:"}}, "STEADYRAG_LEXICAL__URL='qdrant:' needs"),
        ({"models": {"small": "nonsense"}}, "nonsense"),
    ],
)
async def test_settings_of_which_nothing_can_be_built_are_a_problem_beside_a_running_service(
    settings, service, values, said
):
    await service(settings())
    report = await examine(settings(**values))
    (problem,) = report.problems
    assert said in problem
    assert report.misconfigured


async def test_servers_are_not_joined_to_try_settings(settings, service, scratch):
    await service(settings())
    elsewhere = {"url": f"edge:{scratch / 'elsewhere'}", "shards": 1}
    chosen = settings(index=elsewhere, log={"url": "redis://127.0.0.1:9"}, cache={"store": "redis://127.0.0.1:9"})
    assert (await examine(chosen)).problems == []
    assert not (scratch / "elsewhere").exists()


async def test_a_key_that_is_not_the_running_services_is_noted(settings, service):
    await service(settings(admin_key="s3cret"))
    assert (await examine(settings(admin_key="s3cret"))).notes == []
    (note,) = (await examine(settings())).notes
    assert "STEADYRAG_ADMIN_KEY" in note


@pytest.mark.parametrize(("status", "problems"), [(200, 0), (401, 0), (500, 1)])
async def test_model_servers_are_reached(settings, answering, status, problems):
    url = await answering(status)
    report = await examine(settings(models={"large": f"{url}/v1#large"}))
    assert len(report.problems) == problems
    assert all(f"model:large answers 500 at {url}/v1/models" == problem for problem in report.problems)


@pytest.mark.parametrize(("status", "problems"), [(200, 0), (503, 1)])
async def test_a_running_service_is_asked_whether_it_is_ready(settings, scratch, answering, status, problems):
    url = await answering(status)
    with DataFolder(scratch / "data") as folder:
        folder.announce(url)
        report = await examine(settings())
    assert url in report.state["running"]
    assert len(report.problems) == problems


async def test_a_running_service_that_does_not_answer_is_a_problem(settings, scratch):
    with DataFolder(scratch / "data") as folder:
        folder.announce("http://127.0.0.1:9")
        report = await examine(settings())
    assert report.problems == ["the running service does not answer at http://127.0.0.1:9/ready (ClientConnectorError)"]
    assert not report.misconfigured


def test_our_packages_are_ours():
    assert foreign_packages() == []


def test_a_package_of_the_same_name_from_elsewhere_is_named(tmp_path, monkeypatch):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "cache")
    (problem,) = foreign_packages()
    assert problem.startswith(f"package 'cache' comes from {tmp_path}")


async def test_a_qdrant_that_does_not_answer_is_one_problem_and_the_rest_is_said(settings, answering):
    url = await answering(500)
    chosen = settings(index={"url": "qdrant://127.0.0.1:9", "shards": 1}, models={"small": f"{url}/v1#small"})
    report = await examine(chosen)
    model, index = report.problems
    assert model == f"model:small answers 500 at {url}/v1/models"
    assert index.startswith("Qdrant at qdrant://127.0.0.1:9 failed: UNAVAILABLE")
    assert "\n" not in index
    assert not report.misconfigured
    assert report.serving["index"] == "qdrant://127.0.0.1:9"
    assert report.serving["model:small"] == f"{url}/v1#small"


async def test_a_qdrant_that_answers_says_its_version_and_one_that_is_too_old_for_bm25_is_a_problem(
    settings, scratch, monkeypatch
):
    async with serving(scratch / "qdrant") as server:
        chosen = settings(index={"url": server.url, "shards": 1}, lexical={"url": "qdrant:"})
        report = await examine(chosen)
        assert (report.problems, report.versions["qdrant"]) == ([], VERSION)
        assert report.serving["lexical"] == "qdrant: BM25 (sparse vectors on Qdrant)"
        monkeypatch.setattr(doctor, "SPACED_IDF", (99, 0))
        (problem,) = (await examine(chosen)).problems
        assert problem.startswith(f"Qdrant at {server.url} is {VERSION}: STEADYRAG_LEXICAL__URL=qdrant: wants")


async def test_a_qdrant_that_wants_a_key_is_a_problem(settings, scratch):
    async with serving(scratch / "qdrant", api_key="secret") as server:
        (problem,) = (await examine(settings(index={"url": server.url, "shards": 1}))).problems
        assert problem.startswith(f"Qdrant at {server.url} failed: UNAUTHENTICATED")
        assert (await examine(settings(index={"url": server.url, "shards": 1, "api_key": "secret"}))).problems == []


async def test_no_password_of_a_url_is_shown(settings):
    report = await examine(settings(log={"url": "redis://user:hidden@127.0.0.1:9/0"}))
    assert report.serving["document_log"] == "redis://***@127.0.0.1:9/0"
    assert report.problems


@pytest.mark.parametrize(
    "values", [{"log": {"url": "kafka://user:hidden@here"}}, {"cache": {"store": "redis://user:hidden@127.0.0.1:9/0"}}]
)
async def test_no_password_is_shown_where_it_is_told_what_is_wrong_or_what_serves(settings, values):
    told = await examine(settings(**values))
    assert "***@" in f"{told.serving}{told.problems}"
    assert "hidden" not in repr(told)


BOUNDED = {"tenant": {"requests": 9}}


@pytest.mark.parametrize(("quotas", "said"), [({}, "nobody is limited"), (BOUNDED, "memory: counted by each process")])
async def test_limits_of_this_process_ask_nobody(settings, quotas, said):
    report = await examine(settings(quotas=quotas))
    assert report.serving["limits"] == said
    assert "limits_store" not in report.state
    assert report.problems == []


@pytest.mark.parametrize(
    ("fail", "meanwhile"), [("open", "each process counts for itself"), ("closed", "nobody is let in")]
)
async def test_a_store_of_limits_that_does_not_answer_is_a_problem(settings, service, fail, meanwhile):
    quotas = BOUNDED | {"store": "redis://user:hidden@127.0.0.1:9/0", "fail": fail}
    await service(settings(quotas=quotas))
    report = await examine(settings(quotas=quotas))
    assert report.serving["limits"] == f"redis://***@127.0.0.1:9/0 shared by replicas, fail-{fail}"
    assert report.state["limits_store"] == "fails"
    assert report.problems == [f"the limits cannot be checked, so that {meanwhile}: Redis cannot be reached"]
    assert not report.misconfigured


async def test_a_store_of_limits_that_answers_is_told(settings, service, monkeypatch):
    monkeypatch.setattr(limiting, "shared_store", lambda *_: MemoryLimits(FakeClock()))
    quotas = BOUNDED | {"store": "redis://127.0.0.1:9/0"}
    await service(settings(quotas=quotas))
    report = await examine(settings(quotas=quotas))
    assert (report.state["limits_store"], report.problems) == ("answers", [])


async def test_a_store_of_limits_that_there_is_not_is_a_problem_of_configuration(settings):
    report = await examine(settings(quotas=BOUNDED | {"store": "kafka://here"}))
    (problem,) = report.problems
    assert "STEADYRAG_QUOTAS__STORE='kafka://here'" in problem
    assert report.misconfigured
