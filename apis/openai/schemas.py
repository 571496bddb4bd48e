"""What clients of OpenAI send. Unknown fields are ignored; null counts as absent."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from apis.limits import MOST_MESSAGES, MOST_TOOLS


class Body(BaseModel):
    """Base of every body."""

    model_config = ConfigDict(strict=True, extra="ignore", protected_namespaces=())


class ContentPart(Body):
    """A piece of a message: only text can be used; the rest is kept to say what was refused."""

    type: str = ""
    text: str | None = None
    refusal: str | None = None
    image_url: Any = None


class CalledFunction(Body):
    """A call that the assistant made earlier. `arguments` is JSON as text; some clients send the
    object itself."""

    name: str = ""
    arguments: str | dict[str, Any] | None = None


class ToolCall(Body):
    """One entry of a message's tool_calls."""

    id: str | None = None
    type: str | None = None
    function: CalledFunction = CalledFunction()


class ChatMessage(Body):
    """One turn."""

    role: str
    content: str | Annotated[list[ContentPart], Field(max_length=MOST_MESSAGES)] | None = None
    name: str | None = None
    tool_calls: Annotated[list[ToolCall], Field(max_length=MOST_MESSAGES)] | None = None
    tool_call_id: str | None = None
    function_call: CalledFunction | None = None
    refusal: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None


class StreamOptions(Body):
    """How a stream is to be written. `continuous_usage_stats` is vLLM's: the usage so far in every
    chunk."""

    include_usage: bool | None = None
    continuous_usage_stats: bool | None = None


class ResponseFormat(Body):
    """A constraint on the answer."""

    type: str
    json_schema: dict[str, Any] | None = None


class Reasoning(Body):
    """How much a model is to reason, in the words of the Responses API and of OpenRouter."""

    effort: str | None = None
    max_tokens: Any = None
    exclude: Any = None
    summary: Any = None


class SampledBody(Body):
    """What chat and completions have in common. Fields that are not declared are kept, so that they
    can be reported as without effect."""

    model_config = ConfigDict(strict=True, extra="allow", protected_namespaces=())

    model: str | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    n: int | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    # Without effect, and reported
    logit_bias: dict[str, Any] | None = None
    min_tokens: int | None = None
    # Of no consequence for the answer
    user: Any = None
    safety_identifier: Any = None
    metadata: Any = None
    prompt_cache_key: Any = None
    prompt_cache_options: Any = None
    prompt_cache_retention: Any = None
    # Extensions
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    ignore_eos: bool | None = None
    keep_alive: Any = None

    @property
    def name(self) -> str:
        """The model's name, "" if there is none."""
        return self.model or ""


class ChatBody(SampledBody):
    """POST /v1/chat/completions, with the extensions that other servers take as well."""

    messages: Annotated[list[ChatMessage], Field(max_length=MOST_MESSAGES)] | None = None
    max_completion_tokens: int | None = None
    response_format: ResponseFormat | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    tools: Annotated[list[dict[str, Any]], Field(max_length=MOST_TOOLS)] | None = None
    tool_choice: Any = None
    parallel_tool_calls: bool | None = None
    functions: Annotated[list[dict[str, Any]], Field(max_length=MOST_TOOLS)] | None = None
    function_call: Any = None
    reasoning_effort: str | None = None
    modalities: list[str] | None = None
    # Without effect, and reported
    audio: Any = None
    moderation: Any = None
    prediction: Any = None
    service_tier: str | None = None
    store: bool | None = None
    verbosity: str | None = None
    web_search_options: Any = None
    # Extensions
    reasoning: Reasoning | None = None
    chat_template_kwargs: dict[str, Any] | None = None
    documents: Annotated[list[dict[str, Any]], Field(max_length=MOST_MESSAGES)] | None = None
    add_generation_prompt: bool | None = None
    continue_final_message: bool | None = None


class CompletionBody(SampledBody):
    """POST /v1/completions. `prompt` is a text, a list of texts, token ids, or a list of those."""

    prompt: Any = None
    suffix: str | None = None
    echo: bool | None = None
    best_of: int | None = None
    logprobs: int | None = None


class EmbeddingsBody(Body):
    """POST /v1/embeddings. `input` is a text, a list of texts, token ids, or a list of those."""

    model_config = ConfigDict(extra="allow")

    model: str | None = None
    input: Any = None
    encoding_format: str | None = None
    dimensions: int | None = None
    # Extension
    keep_alive: Any = None
