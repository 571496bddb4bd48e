"""What clients of Anthropic send and get. Unknown fields are ignored; null counts as absent."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from apis.limits import MOST_MESSAGES, MOST_TOOLS


class Body(BaseModel):
    """Base of every body."""

    model_config = ConfigDict(strict=True, extra="ignore", protected_namespaces=())


class Block(Body):
    """A piece of a message. Which of the fields count depends on `type`; blocks of other types are
    passed over. `content` is a tool's result: a text, or a list of blocks."""

    type: str
    text: str | None = None
    source: Any = None
    id: str | None = None
    name: str | None = None
    input: Any = None
    tool_use_id: str | None = None
    content: Any = None
    is_error: bool | None = None
    thinking: str | None = None


Blocks = Annotated[list[Block], Field(max_length=MOST_MESSAGES)]


class Turn(Body):
    """One message. Claude Code also sends `system` as a role."""

    role: str
    content: str | Blocks


class Tool(Body):
    """A function the model may call. Those with a `type` of their own are Anthropic's."""

    type: str | None = None
    name: str | None = None
    description: str | None = None
    input_schema: Any = None


class ToolChoice(Body):
    """`type` is auto, any, tool (with `name`) or none."""

    type: str
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class Thinking(Body):
    """`type` is enabled, disabled or adaptive; with `display` "omitted" the reasoning is not
    shown."""

    type: str
    budget_tokens: int | None = None
    display: str | None = None


class OutputFormat(Body):
    """A JSON schema for the answer."""

    type: str
    schema_: Any = Field(None, alias="schema")


class OutputConfig(Body):
    """How the answer is to be: its effort and its format."""

    effort: str | None = None
    format: OutputFormat | None = None


class ConversationBody(Body):
    """What makes a prompt: the part that both endpoints read. What must be there is checked later,
    in Ollama's order and words (`translation.check`)."""

    model: str | None = None
    messages: Annotated[list[Turn], Field(max_length=MOST_MESSAGES)] | None = None
    system: str | Blocks | None = None
    tools: Annotated[list[Tool], Field(max_length=MOST_TOOLS)] | None = None
    tool_choice: ToolChoice | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None
    output_format: OutputFormat | None = Field(
        None, description="The older name of output_config.format."
    )

    @property
    def name(self) -> str:
        """The model's name, "" if there is none."""
        return self.model or ""


class MessagesBody(ConversationBody):
    """POST /v1/messages."""

    model_config = ConfigDict(json_schema_extra={"required": ["model", "max_tokens", "messages"]})

    max_tokens: int | None = None
    stop_sequences: list[str] | None = None
    stream: bool | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    container: Any = None
    context_management: Any = None
    mcp_servers: Any = None
    # Extension
    keep_alive: Any = None


class CountBody(ConversationBody):
    """POST /v1/messages/count_tokens."""

    model_config = ConfigDict(json_schema_extra={"required": ["model", "messages"]})


class TextBlock(BaseModel):
    """Text of the answer."""

    type: Literal["text"]
    text: str
    citations: list[Any]


class ThinkingBlock(BaseModel):
    """The model's reasoning."""

    type: Literal["thinking"]
    thinking: str
    signature: str


class Caller(BaseModel):
    """Who calls a tool: always the model itself."""

    type: Literal["direct"]


class ToolUseBlock(BaseModel):
    """A call."""

    type: Literal["tool_use"]
    id: str
    name: str
    input: dict[str, Any]
    caller: Caller


class CacheCreation(BaseModel):
    """Always zeros: prompts are cached without being asked and not counted."""

    ephemeral_5m_input_tokens: int
    ephemeral_1h_input_tokens: int


class OutputTokensDetails(BaseModel):
    """How many of the answer's tokens were reasoning."""

    thinking_tokens: int


class Usage(BaseModel):
    """Token counts."""

    input_tokens: int
    output_tokens: int
    cache_creation: CacheCreation
    cache_creation_input_tokens: int
    cache_read_input_tokens: int
    output_tokens_details: OutputTokensDetails
    server_tool_use: None
    service_tier: Literal["standard"]
    inference_geo: None


class Message(BaseModel):
    """The answer of /v1/messages. As events it is the same, piece by piece."""

    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    model: str
    content: list[Annotated[TextBlock | ThinkingBlock | ToolUseBlock, Field(discriminator="type")]]
    stop_reason: Literal["end_turn", "max_tokens", "stop_sequence", "tool_use"]
    stop_sequence: str | None
    stop_details: None
    container: None
    usage: Usage


class TokenCount(BaseModel):
    """The answer of /v1/messages/count_tokens."""

    input_tokens: int
