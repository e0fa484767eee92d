"""The models that the settings name: the part of the composition root that knows what serves a model."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from rag.errors import ConfigError
from rag.pipeline.rewrite import Rewriter
from rag.pipeline.shadow import Shadow
from rag.ports import Embedder
from rag.resilience.guarded import GuardedBackend
from rag.resilience.guards import Guards
from rag.resilience.watched import WatchedBackend
from rag.settings import ModelSettings, RegisteredModel, Settings
from rag.storage.lines import LineFile
from rag.types import Clock
from router.backends.extractive import ExtractiveBackend
from router.classifier import Classifier, default_classifier
from router.models import OPENAI, Model, Price
from router.policy import Preference, Requested, Tier
from router.ports import ChatBackend, Reporting
from router.router import Router
from router.splitting import Split

#: The answerer that needs no model: the default, and the last resort below every model.
EXTRACTIVE = "extractive:"
#: Who provides it, as `Model.provider` has it.
OURS = "steadyrag"
#: Where shadow traffic is recorded, in the data folder.
SHADOW_FILE = "shadow.jsonl"
TIERS: tuple[Tier, ...] = ("small", "large")
#: Calls to one model at once; more than the pipeline ever has under way, so that only a stalled model fills it.
CALLS_AT_ONCE = 256
#: A trial of a model costs little, for another answerer stands below it; a model that is back is missed every second.
MODEL_OPEN_MAX_S = 2.0


@dataclass(frozen=True, slots=True)
class Named:
    """A model of the settings: the name that callers see ("" = the server's), what it is, and its seam."""

    name: str
    about: RegisteredModel
    seam: str

    def __str__(self) -> str:
        label = " ".join(part for part in (self.name, self.about.version) if part)
        return f"{label} at {self.about.url}" if label else self.about.url


@dataclass(frozen=True, slots=True)
class Models:
    """What answers.

    Attributes:
        named: the models of each tier as the settings name them, with its experiment.
        router: chooses among them.
        shadow: asks the others, too.
        rewriter: makes follow-ups stand alone; None where the small model cannot write.
    """

    named: Mapping[Tier, Split[Named]]
    router: Router
    shadow: Shadow
    rewriter: Rewriter | None

    def serving(self) -> dict[str, str]:
        """What serves each seam, and how models are chosen, for `doctor`."""
        models = {each.seam: str(each) for split in self.named.values() for each, _ in split.shares()}
        return {**models, "routing": self._routing()}

    def _routing(self) -> str:
        router = self.router
        if router.default != "auto":
            return f"always {router.default}"
        if router.classifier is None:
            return "always large: no classifier for this embedding model"
        record = router.classifier.record
        calibrated = "calibrated" if "calibration" in record else "not calibrated"
        return f"classifier of {record.get('date', 'unknown date')}, {calibrated}, {router.preference.threshold:.3f}"


def open_models(
    settings: Settings,
    guards: Guards,
    embedder: Embedder,
    *,
    wrap: Callable[[str, Any], Any],
    clock: Clock,
    stack: AsyncExitStack,
) -> Models:
    """The models of the settings, closed with the stack.

    Raises:
        ConfigError: a model that there is not, or a classifier that cannot be used.
    """
    named = named_models(settings.models)
    maker = _Maker(settings, guards, embedder, wrap, clock, stack)
    splits = {tier: _map(split, maker.model) for tier, split in named.items()}
    needless = _url(named, "small") == EXTRACTIVE
    last_resort = None if needless else Model(backend=_extractive(embedder), provider=OURS)
    router = _router(settings, _default(settings.models, named), splits, last_resort)
    return Models(named, router, _shadow(settings, clock, stack), maker.rewriter(named["small"].usual))


def named_models(chosen: ModelSettings) -> dict[Tier, Split[Named]]:
    """The models of each tier, with its experiment.

    Raises:
        ConfigError: a name that is not registered, or two experiments on one tier.
    """
    return {tier: _split(chosen, tier) for tier in TIERS}


def _default(chosen: ModelSettings, named: Mapping[Tier, Split[Named]]) -> Requested:
    """The tier of callers that do not choose; "auto" only where there are two models to choose from."""
    small, large = _url(named, "small"), _url(named, "large")
    if chosen.default != "auto":
        return chosen.default
    if large in {small, EXTRACTIVE}:
        return "small"
    return "large" if small == EXTRACTIVE else "auto"


def _url(named: Mapping[Tier, Split[Named]], tier: Tier) -> str:
    return named[tier].usual.about.url


def _router(
    settings: Settings, default: Requested, splits: Mapping[Tier, Split[Model]], last_resort: Model | None
) -> Router:
    """The router; a classifier is loaded only where it decides."""
    chosen = settings.models
    classifier = _classifier(settings) if default == "auto" else None
    fitted = classifier.threshold if classifier else 0.0
    threshold = fitted if chosen.threshold is None else chosen.threshold
    return Router(
        splits,
        default=default,
        preference=Preference(threshold, chosen.spill, chosen.max_price),
        classifier=classifier,
        last_resort=last_resort,
    )


def _shadow(settings: Settings, clock: Clock, stack: AsyncExitStack) -> Shadow:
    chosen = settings.models.shadow
    file = LineFile(chosen.file or settings.data_dir / SHADOW_FILE, chosen.max_bytes)
    shadow = Shadow(
        keep=file.append,
        embedder=settings.embedder.model,
        share=chosen.share,
        at_once=chosen.at_once,
        text=chosen.text,
        clock=clock,
        draw=random.random,
    )
    stack.push_async_callback(shadow.aclose)
    return shadow


def _split(chosen: ModelSettings, tier: Tier) -> Split[Named]:
    value = chosen.small if tier == "small" else chosen.large
    key = f"MODELS__{tier.upper()}"
    known = Named("", RegisteredModel(url=value), "") if ":" in value else _registered(chosen, value, key)
    usual = replace(known, seam=f"model:{tier}")
    mine = {name: each for name, each in chosen.experiments.items() if each.tier == tier}
    if len(mine) > 1:
        raise ConfigError(f"STEADYRAG_MODELS__EXPERIMENTS: {', '.join(mine)} all split the {tier} tier; one may")
    for name, each in mine.items():
        variants = [(_registered(chosen, model, f"MODELS__EXPERIMENTS.{name}"), s) for model, s in each.shares.items()]
        return Split(usual, name, tuple(variants))
    return Split(usual)


def _registered(chosen: ModelSettings, name: str, key: str) -> Named:
    if name not in chosen.registry:
        known = ", ".join(chosen.registry) or "none are"
        raise ConfigError(f"STEADYRAG_{key}={name!r}: no URL, and not registered in [models.registry] ({known})")
    return Named(name, chosen.registry[name], f"model:{name}")


def _classifier(settings: Settings) -> Classifier | None:
    """The classifier; None where the one that ships is for another embedder."""
    path = settings.models.classifier
    try:
        classifier = Classifier.load(path) if path else default_classifier()
    except ValueError as error:
        raise ConfigError(f"STEADYRAG_MODELS__CLASSIFIER: {error}") from error
    if classifier.embedder == settings.embedder.model:
        return classifier
    if path:
        raise ConfigError(f"STEADYRAG_MODELS__CLASSIFIER: it is for vectors of {classifier.embedder}")
    return None


def _map(split: Split[Named], make: Callable[[Named], Model]) -> Split[Model]:
    return Split(make(split.usual), split.name, tuple((make(each), share) for each, share in split.variants))


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes each model once, though several tiers and experiments name it."""

    settings: Settings
    guards: Guards
    embedder: Embedder
    wrap: Callable[[str, Any], Any]
    clock: Clock
    stack: AsyncExitStack
    _made: dict[str, Model] = field(default_factory=dict)
    _wrapped: dict[str, ChatBackend] = field(default_factory=dict)

    def model(self, named: Named) -> Model:
        if named.seam not in self._made:
            self._made[named.seam] = self._make(named)
        return self._made[named.seam]

    def rewriter(self, named: Named) -> Rewriter | None:
        """A rewriter by a model that was made."""
        if named.about.url == EXTRACTIVE:
            return None
        budget_s = self.settings.resilience.contextualize_timeout_s
        guard = self.guards.guard("contextualize", slow_s=budget_s, concurrency=CALLS_AT_ONCE)
        return Rewriter(GuardedBackend(self._wrapped[named.seam], guard, budget_s), budget_s)

    def _make(self, named: Named) -> Model:
        about, first_s = named.about, self.settings.resilience.first_token_s
        backend = _backend(named, self.settings, self.embedder)
        self.stack.push_async_callback(backend.aclose)
        guard = self.guards.guard(
            named.seam, slow_s=first_s / 2, concurrency=CALLS_AT_ONCE, open_max_s=MODEL_OPEN_MAX_S
        )
        wrapped = self._wrapped[named.seam] = self.wrap(named.seam, backend)
        guarded = GuardedBackend(wrapped, guard, first_s)
        reporting = backend if isinstance(backend, Reporting) else None
        watched = WatchedBackend(guarded, guard, self.clock, reporting)
        return Model(
            backend=watched,
            version=about.version,
            price=Price(about.input_price, about.output_price),
            context_tokens=about.context_tokens,
            busy_at=about.busy_at,
            provider=OURS if about.url == EXTRACTIVE else OPENAI,
            load=watched.load,
        )


def _backend(named: Named, settings: Settings, embedder: Embedder) -> ChatBackend:
    """What serves the model."""
    url = named.about.url
    if url == EXTRACTIVE:
        return _extractive(embedder)
    servers = [part.partition("#") for part in url.replace(" ", "").split(",")]
    (_, _, served), *_ = servers
    if not served or any(name != served or not base.startswith(("http://", "https://")) for base, _, name in servers):
        key = f"MODELS__REGISTRY.{named.name}.URL" if named.name else named.seam.replace("model:", "MODELS__").upper()
        raise ConfigError(
            f"STEADYRAG_{key}={url!r}: use extractive: or http://host:8000/v1#model-name; further servers of the same "
            "model follow after commas"
        )
    from router.backends.openai import OpenAIBackend  # noqa: PLC0415 - a tenth of a second, for servers alone
    from router.backends.replicas import ReplicatedBackend  # noqa: PLC0415

    name, api_key = named.name or served, settings.models.api_key
    backends = {base: OpenAIBackend(base, served, name=name, api_key=api_key) for base, _, _ in servers}
    return ReplicatedBackend(name, backends)


def _extractive(embedder: Embedder) -> ChatBackend:
    return ExtractiveBackend(lambda texts, timeout_s: embedder.embed(texts, timeout_s=timeout_s), embedder.count_tokens)
