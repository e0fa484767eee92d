"""Settings from the environment and a TOML file; the only module that reads the environment."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from rag.embedding.files import DEFAULT_MODEL
from rag.errors import ConfigError
from rag.spelling import did_you_mean, field_names

PREFIX = "STEADYRAG_"
#: Environment names with our prefix that are not settings: they belong to the test suite.
NOT_SETTINGS = (f"{PREFIX}TEST_",)


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EmbedderSettings(_Section):
    """Which embedding model."""

    model: str = Field(DEFAULT_MODEL, description="A sentence-transformers model: name or local folder.")
    workers: int = Field(0, ge=0, le=256, description="Embedding runs side by side; 0 = one for each core.")
    max_waiting: int = Field(4096, ge=64, description="Texts that may wait before callers are refused.")


class IndexSettings(_Section):
    """The dense index."""

    url: str = Field("edge:", description="edge: (in the data folder), edge:FOLDER, or qdrant://host:6334.")
    shards: int = Field(4, ge=1, le=64, description="Shards; fixed once there is data.")
    quantization: str = Field("int8", pattern="^(int8|none)$", description="What a graph is searched by.")
    graph_from: int = Field(4_000, ge=1, description="Points without a graph that an embedded shard may have.")
    collection: str = Field("steadyrag", pattern="^[A-Za-z0-9_-]{1,64}$", description="Names Qdrant's collections.")
    api_key: str | None = Field(None, description="Sent to Qdrant.", repr=False)
    replication_factor: int = Field(1, ge=1, le=16, description="Copies of each Qdrant shard.")
    write_consistency_factor: int = Field(1, ge=1, le=16, description="Copies that must have a write before it counts.")


class LexicalSettings(_Section):
    """The lexical index."""

    url: str = Field("memory:", description="memory: = in this process; qdrant: = on the server of the dense index.")


class RetrievalSettings(_Section):
    """How passages are found."""

    plan: str = Field("fused", pattern="^(fused|tiered)$", description="How BM25 and dense search work together.")
    feedback: int = Field(3, ge=0, le=20, description="Best passages that move the question's vector; 0 = none do.")
    hot_entries: int = Field(2_000, ge=0, description="Results kept for questions asked again; 0 = none.")
    reranker: str | None = Field(None, description="A sentence-transformers cross-encoder: name or local folder.")
    reranked: int = Field(20, ge=1, le=200, description="Passages that the reranker judges.")


class LogSettings(_Section):
    """The document log."""

    url: str = Field("sqlite:", description="sqlite: = in the data folder; redis://host:6379/0 = shared by replicas.")


class IngestionSettings(_Section):
    """Documents on their way into the index."""

    workers: int = Field(0, ge=0, le=256, description="Embedding runs side by side; 0 = one for each core.")
    max_jobs: int = Field(1_000, ge=1, description="Unfinished jobs past which new ones are refused.")
    max_bytes: int = Field(1 << 30, ge=1, description="Compressed bytes of waiting documents past which likewise.")
    attempts: int = Field(10, ge=1, description="Tries before documents become dead letters.")


class CacheSettings(_Section):
    """The answer cache."""

    store: str = Field("memory:", description="memory:, sqlite: (survives restarts) or redis://host:6379/0 (shared).")
    semantic: bool = Field(True, description="Whether answers to similar questions are served, too.")
    scorer: Path | None = Field(None, description="Weights of `steadyrag cache train`; else those that ship.")
    threshold: float | None = Field(None, gt=0, le=1, description="Least probability of an answer that is served.")
    max_entries: int = Field(50_000, ge=0)
    max_bytes: int = Field(256 << 20, ge=0)
    ttl_s: float = Field(86_400, gt=0, description="Age past which a stored answer is not served.")
    stale_s: float = Field(86_400, ge=0, description="How long an outdated answer may still serve in an outage.")


class RegisteredModel(_Section):
    """A model by name, `[models.registry.NAME]`: what it costs and takes."""

    url: str = Field(description="extractive: or http://host:8000/v1#model-name.")
    version: str = Field("", description="As you call it.")
    input_price: float = Field(0.0, ge=0, description="Of a million tokens that it reads.")
    output_price: float = Field(0.0, ge=0, description="Of a million tokens that it writes.")
    context_tokens: int | None = Field(None, ge=1, description="The longest prompt with its answer.")
    busy_at: int | None = Field(None, ge=1, description="Requests under way from which on it counts as saturated.")


class Experiment(_Section):
    """An A/B split, `[models.experiments.NAME]`: some users get other models than the rest."""

    tier: Literal["small", "large"] = Field(description="Whose users are split.")
    shares: dict[str, float] = Field(min_length=1, description="Registered models, each with its share of users.")

    @field_validator("shares")
    @classmethod
    def _leave_no_one_out(cls, shares: dict[str, float]) -> dict[str, float]:
        if min(shares.values()) < 0 or sum(shares.values()) > 1:
            raise ValueError("shares are from 0, and at most 1 together")
        return shares


class ShadowSettings(_Section):
    """Questions that the other model is asked, too, for training data."""

    share: float = Field(0.0, ge=0, le=1, description="Share of the routed questions.")
    file: Path | None = Field(None, description="Where the answers go; else shadow.jsonl in the data folder.")
    text: bool = Field(False, description="Whether question and answers are recorded; else the vector and figures.")
    at_once: int = Field(4, ge=1, description="Questions under way; further ones are not shadowed.")
    max_bytes: int = Field(256 << 20, ge=0, description="Size past which the file does not grow.")


class ModelSettings(_Section):
    """The models that answer."""

    small: str = Field("extractive:", description="extractive:, http://host:8000/v1#model-name, or a registered name.")
    large: str = Field("extractive:", description="As small.")
    default: Literal["auto", "small", "large"] = Field(
        "auto", description="The tier of callers that do not choose; auto = the classifier's, given two models."
    )
    classifier: Path | None = Field(None, description="Of `steadyrag router train` or `calibrate`; else what ships.")
    threshold: float | None = Field(
        None, ge=-1, le=1, description="Gain from which on large is asked; else the file's."
    )
    spill: bool = Field(True, description="Whether a saturated large model hands questions to the small one.")
    max_price: float | None = Field(None, ge=0, description="What a routed answer may be expected to cost.")
    api_key: str | None = Field(None, description="Sent as bearer token to the model servers.", repr=False)
    registry: dict[str, RegisteredModel] = Field({}, description="Models by name.")
    experiments: dict[str, Experiment] = Field({}, description="A/B splits by name, one a tier at most.")
    shadow: ShadowSettings = ShadowSettings()


class PromptSettings(_Section):
    """What models are sent."""

    order: Literal["shared", "canonical", "relevance"] = Field("shared", description="Of the passages.")
    cache_salt: bool = Field(True, description="Whether tenants share no prefixes in the models' servers (vLLM).")


class ResilienceSettings(_Section):
    """What one dependency's trouble may cost a request."""

    contextualize_timeout_s: float = Field(1.0, gt=0, description="Longest wait for a follow-up's standalone question.")
    embedder_timeout_s: float = Field(1.0, gt=0, description="Longest wait for the question's vector.")
    index_timeout_s: float = Field(0.5, gt=0, description="Longest wait for a shard of the dense index.")
    lexical_timeout_s: float = Field(1.0, gt=0, description="Longest wait for the lexical index.")
    store_timeout_s: float = Field(2.0, gt=0, description="Longest wait for the passages' texts.")
    reranker_timeout_s: float = Field(0.5, gt=0, description="Longest wait for the reranker.")
    quotas_timeout_s: float = Field(0.1, gt=0, description="Longest wait for the store of the quotas.")
    first_token_s: float = Field(15.0, gt=0, description="Longest wait for a model's first token.")
    admitted: int = Field(16, ge=1, description="Answers computed at once that are never refused for load.")
    admitted_at_most: int = Field(256, ge=1, description="Answers computed at once when all goes well.")
    breakers: bool = Field(True, description="Circuit breakers.")
    timeouts: bool = Field(True, description="The waits above.")
    limits: bool = Field(True, description="Bulkheads, and the refusal of work past the limit.")
    retries: bool = Field(True, description="A second attempt at reads that failed quickly.")
    retry_budget: bool = Field(True, description="The bound on retries: a tenth of the calls.")


def _otlp_endpoint() -> str | None:
    """The URL for traces that OpenTelemetry's own names give (OTLP exporter specification)."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or os.environ.get("OTEL_TRACES_EXPORTER") == "none":
        return None
    base = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    return os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or (base and f"{base.rstrip('/')}/v1/traces") or None


class TelemetrySettings(_Section):
    """What is told of requests."""

    endpoint: str | None = Field(
        default_factory=_otlp_endpoint,
        pattern="^https?://",
        description="URL for traces (OTLP over HTTP): http://host:4318/v1/traces; else that of OTEL_EXPORTER_OTLP_*.",
    )
    content: bool = Field(False, description="Whether traces hold the text of questions, passages and answers.")
    log: Literal["text", "json"] = Field("text", description="json: with a line for each request.")


class LimitSettings(_Section):
    """Bounds on input."""

    question_chars: int = Field(8_000, ge=1)
    messages: int = Field(200, ge=1)
    conversation_chars: int = Field(400_000, ge=1)
    body_bytes: int = Field(2 << 20, ge=1_024, description="Bodies of everything but documents.")
    document_body_bytes: int = Field(32 << 20, ge=1_024, description="Bodies that carry documents.")
    file_bytes: int = Field(64 << 20, ge=1, description="One file for `steadyrag ingest`.")
    read_cpu_s: int = Field(120, ge=1, description="Processor time for reading one file of HTML or PDF.")
    read_memory_bytes: int = Field(1 << 30, ge=128 << 20, description="Memory for reading one file of HTML or PDF.")
    documents: int = Field(1_000, ge=1, description="Documents in one request.")
    top_k: int = Field(50, ge=1)
    min_free_bytes: int = Field(256 << 20, ge=0, description="Disk space below which writes are refused.")


class AllowanceSettings(_Section):
    """What a key, or a tenant with all its keys, may take; None = as much as it likes."""

    requests: int | None = Field(None, ge=1, description="Requests in `window_s`, and at once after a pause.")
    window_s: int = Field(60, ge=1, le=86_400, description="Seconds in which all requests are there again.")
    tokens_a_day: int | None = Field(None, ge=1, description="Tokens read and written by models, from midnight, UTC.")
    cost_a_day: float | None = Field(None, gt=0, description="Likewise, in the unit of the models' prices.")

    @property
    def bounded(self) -> bool:
        """Whether there is any limit."""
        return any(each is not None for each in (self.requests, self.tokens_a_day, self.cost_a_day))


class QuotaSettings(_Section):
    """Who may take how much."""

    store: str | None = Field(None, description="memory: or redis://host:6379/0 (shared); else where the log lies.")
    fail: Literal["open", "closed"] = Field("open", description="Who is let in while the store is gone.")
    key: AllowanceSettings = AllowanceSettings()
    tenant: AllowanceSettings = AllowanceSettings()
    keys: dict[str, AllowanceSettings] = Field({}, description="Of keys by id, in place of that of every key.")
    tenants: dict[str, AllowanceSettings] = Field({}, description="Of tenants by name, likewise.")

    @property
    def bounded(self) -> bool:
        """Whether anybody is limited."""
        return any(each.bounded for each in (self.key, self.tenant, *self.keys.values(), *self.tenants.values()))


class Settings(BaseSettings):
    """Everything that can be set: `STEADYRAG_INDEX__SHARDS=8`, or `[index]` / `shards = 8` in the TOML file."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True, validate_default=True
    )

    data_dir: Path = Field(default_factory=lambda: Path(platformdirs.user_data_dir("steadyrag")))
    cache_dir: Path = Field(default_factory=lambda: Path(platformdirs.user_cache_dir("steadyrag")))
    timeout_s: float = Field(30.0, gt=0, le=600, description="Time limit of a request that names none.")
    shutdown_s: float = Field(20.0, ge=0, le=600, description="Time that running requests have at shutdown.")
    admin_key: str | None = Field(None, min_length=1, repr=False, description="Key of the operator.")
    api_key: str | None = Field(None, min_length=1, repr=False, description="Key that commands send to a service.")
    embedder: EmbedderSettings = EmbedderSettings()
    index: IndexSettings = IndexSettings()
    lexical: LexicalSettings = LexicalSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    log: LogSettings = LogSettings()
    ingestion: IngestionSettings = IngestionSettings()
    cache: CacheSettings = CacheSettings()
    models: ModelSettings = ModelSettings()
    prompt: PromptSettings = PromptSettings()
    limits: LimitSettings = LimitSettings()
    quotas: QuotaSettings = QuotaSettings()
    resilience: ResilienceSettings = ResilienceSettings()
    telemetry: TelemetrySettings = Field(default_factory=TelemetrySettings)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Explicit values first, then the environment, then the TOML file."""
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls))


def load_settings(config: Path | None = None, **values: Any) -> Settings:
    """The settings of this process.

    Args:
        config: a TOML file.
        values: settings that go before environment and file.

    Raises:
        ConfigError: an unknown key, a value that does not fit, or a file that cannot be read.
    """
    if config is not None and not config.is_file():
        raise ConfigError(f"no such configuration file: {config}")
    _refuse_unknown_names()

    class WithFile(Settings):
        model_config = SettingsConfigDict(toml_file=config)

    try:
        return WithFile(**values)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "extra_forbidden":
            raise _unknown(first["loc"], config or "the configuration") from None
        key = "__".join(str(part) for part in first["loc"]).upper()
        got = "" if key.endswith("_KEY") else f" (got {first['input']!r})"
        raise ConfigError(f"setting {PREFIX}{key}: {first['msg']}{got}") from None
    except (
        OSError,
        ValueError,
    ) as error:  # an unreadable file, malformed TOML, or an environment value that is no JSON
        where = "" if config is None or isinstance(error, SettingsError) else f" from {config}"
        raise ConfigError(f"the settings cannot be read{where}: {error}") from error


def _refuse_unknown_names() -> None:
    """A misspelt name must not pass as a setting that was never made."""
    known = set(_names(Settings, PREFIX))
    for name in map(str.upper, os.environ):  # read without regard to case
        if name.startswith(PREFIX) and not name.startswith(NOT_SETTINGS) and name not in known:
            raise ConfigError(f"unknown setting {name} in the environment; {did_you_mean(name, known)}")


def _unknown(path: Sequence[str | int], source: object) -> ConfigError:
    """The error for a key that no section has; its value is left out, since it may be a misspelt key's secret."""
    *section, key = map(str, path)
    beside = [".".join((*section, name)) for name in field_names(Settings, section)]
    known = [name.removeprefix(PREFIX).lower().replace("__", ".") for name in _names(Settings, PREFIX)]
    name = ".".join((*section, key))
    return ConfigError(f"unknown setting {name} in {source}; {did_you_mean(name, [*known, *beside], beside)}")


def _names(model: type[BaseModel], prefix: str) -> list[str]:
    names = []
    for key, field in model.model_fields.items():
        name = f"{prefix}{key.upper()}"
        names.append(name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            names += _names(field.annotation, f"{name}__")
    return names
