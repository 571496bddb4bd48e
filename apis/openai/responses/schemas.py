"""What clients of the Responses API send. Unknown fields are ignored; null counts as absent."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from apis.limits import MOST_MESSAGES, MOST_TOOLS
from apis.openai.schemas import Body


class Part(Body):
    """A piece of a message, of a tool's result or of reasoning. Only text can be used; the rest is
    kept to say what was refused."""

    type: str = ""
    text: str | None = None
    refusal: str | None = None
    image_url: Any = None


Parts = Annotated[list[Part], Field(max_length=MOST_MESSAGES)]


class InputItem(Body):
    """One item of the conversation, of any type: each type uses some of the fields."""

    type: str | None = None
    role: str | None = None
    content: str | Parts | None = None
    call_id: str | None = None
    name: str | None = None
    namespace: str | None = None
    arguments: str | None = None
    input: str | None = None
    output: str | Parts | None = None
    summary: Parts | None = None


class ToolFormat(Body):
    """What a custom tool takes: free text, or text of a grammar."""

    type: str = "text"


class Tool(Body):
    """A function, a custom tool, a namespace of such, or a tool that the server would have to run.
    The tools inside a namespace have the same form."""

    type: str
    name: str | None = None
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    format: ToolFormat | None = None
    tools: Annotated[list[Tool], Field(max_length=MOST_TOOLS)] | None = None


class NamedTool(Body):
    """A tool as `tool_choice` names it; some clients put the name into `function`."""

    type: str
    name: str | None = None
    namespace: str | None = None
    function: NamedTool | None = None
    mode: str | None = None
    tools: Annotated[list[NamedTool], Field(max_length=MOST_TOOLS)] | None = None


class Format(Body):
    """A constraint on the answer."""

    type: str
    name: str | None = None
    description: str | None = None
    schema_: Any = Field(None, alias="schema")
    strict: bool | None = None


class TextOptions(Body):
    """How the answer's text is to be."""

    format: Format | None = None
    verbosity: str | None = None


class ReasoningOptions(Body):
    """How much the model is to reason, and what is to be told of it."""

    effort: str | None = None
    summary: str | None = None
    generate_summary: str | None = None


class StreamOptions(Body):
    """How a stream is to be written."""

    include_obfuscation: bool | None = None


class ResponsesBody(Body):
    """POST /v1/responses, with the extensions that chat completions take as well."""

    model_config = ConfigDict(extra="allow")

    model: str | None = None
    input: str | Annotated[list[InputItem], Field(max_length=MOST_MESSAGES)] | None = None
    instructions: str | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_output_tokens: int | None = None
    max_tool_calls: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_logprobs: int | None = None
    text: TextOptions | None = None
    reasoning: ReasoningOptions | None = None
    tools: Annotated[list[Tool], Field(max_length=MOST_TOOLS)] | None = None
    tool_choice: str | NamedTool | None = None
    parallel_tool_calls: bool | None = None
    truncation: str | None = None
    include: list[str] | None = None
    metadata: dict[str, str] | None = None
    client_metadata: Any = None  # Codex's own book-keeping
    store: bool | None = None
    background: bool | None = None
    previous_response_id: str | None = None
    conversation: Any = None
    prompt: Any = None
    context_management: Any = None
    moderation: Any = None
    service_tier: str | None = None
    prompt_cache_key: str | None = None
    safety_identifier: str | None = None
    user: str | None = None
    # Extensions
    seed: int | None = None
    stop: str | list[str] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    ignore_eos: bool | None = None
    keep_alive: Any = None
    chat_template_kwargs: dict[str, Any] | None = None

    @property
    def name(self) -> str:
        """The model's name, "" if there is none."""
        return self.model or ""
