from contextlib import AsyncExitStack

import pytest

from evals.load.stub_model import StubModel
from rag.errors import ConfigError
from rag.models import named_models, open_models
from rag.resilience.guards import Guards, Protections
from rag.settings import load_settings
from router.classifier import default_classifier
from router.features import Evidence
from router.models import Price
from router.router import Inquiry
from tests.contracts.chat_backend import collect
from tests.support.embedder import WordEmbedder

SMALL, LARGE = "http://127.0.0.1:9/v1#small", "http://127.0.0.1:9/v1#large"
REGISTRY = {
    "qwen": {"url": SMALL, "version": "2.5", "input_price": 0.1, "output_price": 0.4, "context_tokens": 4096},
    "qwen-next": {"url": "http://127.0.0.1:9/v1#next", "busy_at": 8},
}
INQUIRY = Inquiry("How tall?", Evidence(), 100, 50, 30.0, "default/ann")


@pytest.fixture
async def opened(clock, scratch):
    """`opened(small=..., ...)` gives the models of these settings."""
    async with AsyncExitStack() as stack:
        seams = []

        def make(*, embedder="all-MiniLM-L6-v2", **models):
            settings = load_settings(data_dir=scratch, models=models, embedder={"model": embedder})
            guards = Guards(Protections(), clock, lambda _event: None)
            built = open_models(
                settings,
                guards,
                WordEmbedder(),
                wrap=lambda seam, adapter: (seams.append(seam), adapter)[1],
                clock=clock,
                stack=stack,
            )
            built_seams = list(seams)
            seams.clear()
            return built, built_seams

        yield make


@pytest.mark.parametrize(
    ("models", "default", "routing"),
    [
        ({}, "small", "always small"),
        ({"default": "large"}, "large", "always large"),
        ({"small": SMALL, "large": SMALL}, "small", "always small"),
        ({"small": SMALL}, "small", "always small"),
        ({"large": LARGE}, "large", "always large"),
        ({"small": SMALL, "large": LARGE}, "auto", "classifier of"),
        ({"small": SMALL, "large": LARGE, "default": "small"}, "small", "always small"),
        ({"small": "qwen", "large": "qwen-next", "registry": REGISTRY}, "auto", "classifier of"),
    ],
)
async def test_the_classifier_decides_where_there_are_two_models(opened, models, default, routing):
    built, _ = opened(**models)
    assert built.router.default == default
    assert (built.router.classifier is not None) == (default == "auto")
    assert built.serving()["routing"].startswith(routing)


async def test_traces_say_whose_api_a_model_speaks(opened):
    built, _ = opened(large=LARGE)
    tiers = built.router.models
    assert [tiers[tier].usual.provider for tier in ("small", "large")] == ["steadyrag", "openai"]
    built, _ = opened(small=SMALL)
    *_, last_resort = (await built.router.choose("small", INQUIRY, embed=None)).steps
    assert last_resort.model.provider == "steadyrag"


async def test_the_threshold_is_the_files_unless_one_is_set(opened):
    built, _ = opened(small=SMALL, large=LARGE)
    assert built.router.preference.threshold == default_classifier().threshold
    built, _ = opened(small=SMALL, large=LARGE, threshold=0.25, spill=False, max_price=0.5)
    preference = built.router.preference
    assert (preference.threshold, preference.spill, preference.max_price) == (0.25, False, 0.5)


async def test_a_calibrated_file_of_ones_own(opened, tmp_path):
    default_classifier().with_threshold(0.125, {"target_quality": 0.9}).save(tmp_path / "own.npz")
    built, _ = opened(small=SMALL, large=LARGE, classifier=tmp_path / "own.npz")
    assert built.router.preference.threshold == 0.125
    assert ", calibrated, 0.125" in built.serving()["routing"]


async def test_the_classifier_that_ships_does_not_judge_vectors_of_another_model(opened):
    built, _ = opened(small=SMALL, large=LARGE, embedder="another")
    assert built.router.classifier is None
    assert built.serving()["routing"] == "always large: no classifier for this embedding model"


async def test_a_classifier_of_ones_own_that_does_not_fit_is_refused(opened, tmp_path):
    default_classifier().save(tmp_path / "own.npz")
    with pytest.raises(ConfigError, match="CLASSIFIER: it is for vectors of all-MiniLM-L6-v2"):
        opened(small=SMALL, large=LARGE, classifier=tmp_path / "own.npz", embedder="another")


async def test_a_registered_model_has_its_name_version_price_and_limits(opened):
    built, seams = opened(small="qwen", registry=REGISTRY)
    model = built.router.models["small"].usual
    assert (model.name, model.version, model.context_tokens) == ("qwen", "2.5", 4096)
    assert model.price == Price(0.1, 0.4)
    assert seams == ["model:small", "model:large"]
    assert built.serving()["model:small"] == f"qwen 2.5 at {SMALL}"
    assert built.serving()["model:large"] == "extractive:"


async def test_an_experiment_gives_some_users_another_model_at_a_seam_of_its_own(opened):
    built, seams = opened(
        small="qwen", registry=REGISTRY, experiments={"rollout": {"tier": "small", "shares": {"qwen-next": 0.4}}}
    )
    told = [(model.name, model.busy_at, share) for model, share in built.router.models["small"].shares()]
    assert told == [("qwen", None, 0.6), ("qwen-next", 8, 0.4)]
    assert seams == ["model:small", "model:qwen-next", "model:large"]


async def test_a_model_named_twice_is_made_once(opened):
    experiments = {tier: {"tier": tier, "shares": {"qwen-next": 0.1}} for tier in ("small", "large")}
    built, seams = opened(small="qwen", registry=REGISTRY, experiments=experiments)
    assert seams == ["model:small", "model:qwen-next", "model:large"]
    (one, _), (other, _) = (built.router.models[tier].variants[0] for tier in ("small", "large"))
    assert one is other


async def test_how_a_model_fares_is_asked_of_its_guard(opened, clock):
    built, _ = opened(small=SMALL, large=LARGE, default="small")
    assert built.router.models["small"].usual.condition(0, 0).healthy


async def test_several_servers_are_one_model(opened):
    async with StubModel() as one, StubModel() as other:
        built, _ = opened(small=f"{one.url}/v1#m, {other.url}/v1#m")
        model = built.router.models["small"].usual
        assert model.name == "m"
        for _ in range(12):
            await collect(model.backend)
        assert len(one.served) + len(other.served) == 12
        assert min(len(one.served), len(other.served)) > 0
        await other.stop()
        for _ in range(12):
            await collect(model.backend)


async def test_only_a_model_that_can_write_puts_follow_ups_into_words(opened):
    built, _ = opened()
    assert built.rewriter is None
    built, seams = opened(small=SMALL, large=LARGE)
    assert built.rewriter is not None
    assert seams == ["model:small", "model:large"], "it is called where the small model is"


WRONG = {
    "no URL and no name": ({"small": "gpt-4"}, "MODELS__SMALL='gpt-4'.*registered"),
    "a URL without a model": ({"large": "http://localhost/v1"}, "MODELS__LARGE="),
    "servers of two models": ({"large": f"{LARGE},http://127.0.0.1:9/v1#other"}, "MODELS__LARGE=.*same model"),
    "a server without a model": ({"large": f"{LARGE},http://127.0.0.1:9/v1"}, "MODELS__LARGE=.*same model"),
    "an empty place": ({"large": f"{LARGE},"}, "MODELS__LARGE="),
    "a registered model in a file": (
        {"small": "x", "registry": {"x": {"url": "file:///x#x"}}},
        "MODELS__REGISTRY.x.URL=",
    ),
    "an experiment with what is not registered": (
        {"experiments": {"e": {"tier": "small", "shares": {"x": 0.1}}}},
        "MODELS__EXPERIMENTS.e='x'",
    ),
    "two experiments on one tier": (
        {"registry": REGISTRY, "experiments": {n: {"tier": "small", "shares": {"qwen": 0.1}} for n in "ab"}},
        "a, b all split the small tier",
    ),
    "no classifier": ({"small": SMALL, "large": LARGE, "classifier": "/nowhere.npz"}, "MODELS__CLASSIFIER"),
}


@pytest.mark.parametrize(("models", "message"), WRONG.values(), ids=WRONG)
async def test_what_cannot_be_used_is_refused(opened, models, message):
    with pytest.raises(ConfigError, match=message):
        opened(**models)


@pytest.mark.parametrize("shares", [{"x": 0.6, "y": 0.5}, {"x": -0.1}, {}])
def test_shares_of_users_are_no_more_than_all(shares):
    with pytest.raises(ConfigError, match="SHARES"):
        load_settings(models={"experiments": {"e": {"tier": "small", "shares": shares}}})


def test_the_models_of_the_settings_are_known_without_opening_them():
    assert {tier: split.usual.about.url for tier, split in named_models(load_settings().models).items()} == {
        "small": "extractive:",
        "large": "extractive:",
    }
