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
    """A call that the assistant made earlier. `arguments` is JSON as text."""

    name: str = ""
    arguments: str = "{}"


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
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    refusal: str | None = None


class StreamOptions(Body):
    """How a stream is to be written."""

    include_usage: bool | None = None


class ResponseFormat(Body):
    """A constraint on the answer."""

    type: str
    json_schema: dict[str, Any] | None = None


class ChatBody(Body):
    """POST /v1/chat/completions, with the extensions that other servers take as well."""

    model: str | None = None
    messages: Annotated[list[ChatMessage], Field(max_length=MOST_MESSAGES)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    n: int | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    response_format: ResponseFormat | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    tools: Annotated[list[dict[str, Any]], Field(max_length=MOST_TOOLS)] | None = None
    tool_choice: Any = None
    functions: list[dict[str, Any]] | None = None
    reasoning_effort: str | None = None
    logit_bias: dict[str, Any] | None = None
    modalities: list[str] | None = None
    prediction: Any = None
    verbosity: str | None = None
    web_search_options: Any = None
    # Extensions
    top_k: int | None = None
    min_p: float | None = None
    min_tokens: int | None = None
    repetition_penalty: float | None = None
    ignore_eos: bool | None = None
    keep_alive: Any = None
    chat_template_kwargs: dict[str, Any] | None = None

    @property
    def name(self) -> str:
        """The model's name, "" if there is none."""
        return self.model or ""


class EmbeddingsBody(Body):
    """POST /v1/embeddings. `input` is a text, a list of texts, token ids, or a list of those."""

    model: str | None = None
    input: Any = None
    encoding_format: str | None = None
    dimensions: int | None = None
    # Extension
    keep_alive: Any = None
