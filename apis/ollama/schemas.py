"""What clients of Ollama send. Types are strict as in Go's decoder; null counts as absent there."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from apis.limits import MOST_FILES, MOST_MESSAGES, MOST_OPTIONS, MOST_TOOLS


class Body(BaseModel):
    """Base of every body: unknown fields are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore", protected_namespaces=())


class ToolFunction(Body):
    """A call that the assistant made earlier. `arguments` is an object."""

    name: str = ""
    arguments: dict[str, Any] | None = None


class ToolCall(Body):
    """One entry of a message's tool_calls."""

    id: str | None = None
    function: ToolFunction = ToolFunction()


class ChatMessage(Body):
    """One turn."""

    role: str = ""
    content: str | None = None
    thinking: str | None = None
    images: list[str] | None = None
    tool_calls: Annotated[list[ToolCall], Field(max_length=MOST_MESSAGES)] | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None


class InferenceBody(Body):
    """What generate and chat have in common."""

    model: str | None = None
    stream: bool | None = None
    format: Any = None
    keep_alive: Any = None
    options: Annotated[dict[str, Any], Field(max_length=MOST_OPTIONS)] | None = None
    think: Any = None
    truncate: bool | None = None
    shift: bool | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    debug_render_only: bool | None = Field(None, alias="_debug_render_only")

    @property
    def name(self) -> str:
        """The model's name, "" if there is none."""
        return self.model or ""

    @property
    def wants_stream(self) -> bool:
        """Streaming is Ollama's default."""
        return self.stream is not False


class GenerateBody(InferenceBody):
    """POST /api/generate."""

    prompt: str | None = None
    suffix: str | None = None
    system: str | None = None
    template: str | None = None
    context: list[int] | None = None
    raw: bool | None = None
    images: list[str] | None = None


class ChatBody(InferenceBody):
    """POST /api/chat."""

    messages: Annotated[list[ChatMessage], Field(max_length=MOST_MESSAGES)] | None = None
    tools: Annotated[list[dict[str, Any]], Field(max_length=MOST_TOOLS)] | None = None
    tool_choice: Any = None
    """Ours: which of the tools must be called, as OpenAI's clients say it."""


class NamedBody(Body):
    """Bodies that only name a model: the SDKs say `model`, the CLI says `name`."""

    model: str | None = None
    name: str | None = None

    @property
    def wanted(self) -> str:
        """The first of the two that is not empty."""
        return self.model or self.name or ""


class ShowBody(NamedBody):
    """POST /api/show."""

    verbose: bool | None = None


class PullBody(NamedBody):
    """POST /api/pull."""

    stream: bool | None = None


class PushBody(NamedBody):
    """POST /api/push."""

    stream: bool | None = None


class CreateBody(NamedBody):
    """POST /api/create. `files` maps the names of files to the digests of uploaded blobs."""

    stream: bool | None = None
    from_: str | None = Field(None, alias="from")
    files: Annotated[dict[str, str], Field(max_length=MOST_FILES)] | None = None
    adapters: dict[str, str] | None = None
    template: str | None = None
    license: str | list[str] | None = None
    system: str | None = None
    parameters: Annotated[dict[str, Any], Field(max_length=MOST_OPTIONS)] | None = None
    messages: Annotated[list[ChatMessage], Field(max_length=MOST_MESSAGES)] | None = None
    quantize: str | None = None
    renderer: str | None = None
    parser: str | None = None
    requires: str | None = None
    info: dict[str, Any] | None = None


class CopyBody(Body):
    """POST /api/copy."""

    source: str = ""
    destination: str = ""


class DeleteBody(NamedBody):
    """DELETE /api/delete."""


class EmbedBody(Body):
    """POST /api/embed. `input` is a text or a list of texts."""

    model: str | None = None
    input: Any = None
    truncate: bool | None = None
    dimensions: int | None = None
    keep_alive: Any = None
    options: Annotated[dict[str, Any], Field(max_length=MOST_OPTIONS)] | None = None


class EmbeddingsBody(Body):
    """POST /api/embeddings, the older form."""

    model: str | None = None
    prompt: str | None = None
    keep_alive: Any = None
    options: Annotated[dict[str, Any], Field(max_length=MOST_OPTIONS)] | None = None
