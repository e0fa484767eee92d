"""Request bodies, as callers send them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr

from rag.types import COLLECTION_NAME

CollectionName = Annotated[str, Field(pattern=f"^{COLLECTION_NAME}$")]
#: The integers that the serialiser can write back; JSON itself has no bound.
_INT64 = Field(ge=-(2**63), le=2**63 - 1)
FilterScalar = StrictStr | Annotated[StrictInt, _INT64] | StrictBool
MetadataScalar = FilterScalar | StrictFloat


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TextPart(_Body):
    """A part of a message that is text, the only kind served."""

    type: Literal["text"]
    text: str


class ChatMessage(BaseModel):
    """One turn. `name` and further fields of the roles are accepted and not used."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]

    def text(self) -> str:
        """The turn's text, its parts joined."""
        return self.content if isinstance(self.content, str) else "\n".join(part.text for part in self.content)


class StreamOptions(_Body):
    """What a stream carries besides the answer."""

    include_usage: bool = False
    include_obfuscation: bool = False


class Extras(_Body):
    """What a RAG service needs to know beyond the OpenAI API."""

    collection: CollectionName = "default"
    top_k: int = Field(5, ge=1)
    filters: dict[str, FilterScalar | list[FilterScalar]] = Field(default_factory=dict)
    cache: Literal["default", "no-cache", "no-store", "only"] = "default"
    max_age_s: float | None = Field(None, ge=0)
    model: Literal["auto", "small", "large"] | None = None
    timeout_s: float | None = Field(None, gt=0, le=600)
    priority: Literal["interactive", "batch"] = "interactive"


class ChatRequest(_Body):
    """`POST /v1/chat/completions`, as the OpenAI API defines it, with our extras."""

    model: str = "steadyrag"
    messages: list[ChatMessage] = Field(min_length=1)
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=1, le=2**31 - 1)
    max_completion_tokens: int | None = Field(None, ge=1, le=2**31 - 1)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    stop: str | list[str] | None = None
    seed: Annotated[int, _INT64] | None = None
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    user: str | None = None
    metadata: dict[str, str] | None = None
    store: bool | None = None
    n: Literal[1] | None = None
    steadyrag: Extras | None = None


#: Fields of the OpenAI API that we do not serve: refused by name instead of silently ignored.
UNSUPPORTED = frozenset({
    "audio", "function_call", "functions", "logit_bias", "logprobs", "modalities", "parallel_tool_calls", "prediction",
    "reasoning_effort", "response_format", "service_tier", "tool_choice", "tools", "top_logprobs", "verbosity",
    "web_search_options",
})  # fmt: skip
#: Parts of a message that the OpenAI API has and we do not serve.
UNSUPPORTED_PARTS = ("image_url", "input_audio", "file")


class SearchRequest(_Body):
    """`POST /v1/search`."""

    query: str = Field(min_length=1)
    collection: CollectionName = "default"
    top_k: int = Field(5, ge=1)
    filters: dict[str, FilterScalar | list[FilterScalar]] = Field(default_factory=dict)
    timeout_s: float | None = Field(None, gt=0, le=600)
    priority: Literal["interactive", "batch"] = "interactive"


class DocumentBody(_Body):
    """A document as text."""

    id: str = Field(min_length=1, max_length=512)
    text: str
    title: str = Field("", max_length=1_000)
    format: Literal["text", "markdown", "html"] = "text"
    url: str | None = Field(None, max_length=2_000)
    metadata: dict[str, MetadataScalar | list[MetadataScalar]] = Field(default_factory=dict)


class RetryRequest(_Body):
    """`POST /v1/dead-letters/retry`."""

    ids: list[Annotated[StrictInt, Field(ge=0, le=2**63 - 1)]] = Field(min_length=1, max_length=1_000)


class DocumentsRequest(_Body):
    """`POST /v1/documents` as JSON."""

    collection: CollectionName = "default"
    documents: list[DocumentBody] = Field(min_length=1)
