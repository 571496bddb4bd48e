"""The one internal request and the one internal event stream every API family translates to.

Families build a `GenerationRequest`, hand it to `inference.dispatch.generate`, and render the
events of the `Generation` they get back. Nothing here knows a wire format.
"""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, Literal

FOREVER = math.inf
"""keep_alive value of a model that is never unloaded by time."""


def new_request_id() -> str:
    """`req_` and 24 hexadecimal digits, the form of X-Request-ID."""
    return "req_" + secrets.token_hex(12)


class Need(StrEnum):
    """Something a request wants that not every device can do."""

    TOOLS = "tools"
    SCHEMA = "schema"
    LOGPROBS = "logprobs"
    IMAGES = "images"
    SEVERAL_ANSWERS = "several_answers"
    BEAMS = "beams"


@dataclass(frozen=True, slots=True)
class DeviceWish:
    """The device a client asked for, by name or class. `is_strict` refuses instead of falling
    back."""

    device: str
    is_strict: bool = False


class FinishReason(StrEnum):
    """Why a generation ended."""

    STOP = "stop"
    LENGTH = "length"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat. `extra` carries what templates may read (tool_calls, tool_name,
    name...)."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Grammar:
    """A constraint on the answer's text. `structure` is an XGrammar structural tag as JSON, made of
    other grammars and free text."""

    kind: Literal["json_schema", "regex", "ebnf", "structure"]
    text: str


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """Whether the model may, must or must not call tools; `names` are the only ones it may call
    (() = all of the request's). Without `is_parallel` an answer holds one call at most."""

    mode: Literal["auto", "none", "required"] = "auto"
    names: tuple[str, ...] = ()
    is_parallel: bool = True


@dataclass(frozen=True, slots=True)
class AnswerSchema:
    """The JSON schema that the answer's text must satisfy. `field` is what the client calls it."""

    schema: Any
    field: str


ANY_OBJECT = {"type": "object"}
"""The schema of an answer that is to be JSON, whatever it holds."""

Think = bool | str | None
"""Whether the model is to reason before it answers: on, off, a level ("low", "medium", "high" and
others), or None for what the model does by itself."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Sampling parameters; None means the client did not say, so the next default applies.

    Order of defaults: the family's built-in, then the model's preset, then the request.
    `max_tokens` None means until end of sequence or context; `seed` None means random.
    """

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    seed: int | None = None
    repetition_penalty: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] | None = None
    ignore_eos: bool | None = None

    def over(self, defaults: Sampling) -> Sampling:
        """These parameters, with every unset one taken from `defaults`."""
        unset = {
            item.name: getattr(defaults, item.name)
            for item in fields(self)
            if getattr(self, item.name) is None
        }
        return replace(self, **unset)


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """What a client wants generated, in no family's words.

    `client` is the caller's address; `turn` tells callers behind one address apart where they wait
    in line ("" = the client's). Either `messages` (rendered with the model's chat template) or
    `prompt` (verbatim text) is set. `context_ids` are token ids put before the rendered prompt
    (Ollama's `context`). With a `suffix` the answer is to stand between a verbatim prompt and it.
    `defaults` are the family's built-in sampling values, `sampling` what the client asked for.
    `num_ctx` bounds prompt and answer together (tokens; None = what the device holds). With
    `may_drop_messages` a history that fits no device loses its oldest messages. Of a request
    that is not streamed the client sees nothing before its end, so it can be begun again anywhere.

    Of a chat: `tool_choice` says which of `tools` may or must be called; `variables` go to the chat
    template under their names (chat_template_kwargs), `documents` likewise; with
    `continues_last_message` the answer goes on with the last message instead of following it.
    `schema` holds the answer's text. `logprobs` asks for the log probabilities of the answer's
    tokens, and for so many alternatives to each (None = for nothing; the engine knows no
    alternatives, families report that as ignored). `ignored` names the client's parameters that
    have no effect; `is_strict` refuses a request that has any.
    """

    model: str
    family: Literal["ollama", "openai", "anthropic", "console"]
    endpoint: str
    request_id: str = field(default_factory=new_request_id)
    client: str = ""
    turn: str = ""
    messages: tuple[Message, ...] | None = None
    prompt: str | None = None
    suffix: str = ""
    context_ids: tuple[int, ...] = ()
    tools: tuple[Mapping[str, Any], ...] = ()
    tool_choice: ToolChoice = ToolChoice()
    think: Think = None
    template: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    documents: tuple[Mapping[str, Any], ...] = ()
    continues_last_message: bool = False
    may_drop_messages: bool = False
    schema: AnswerSchema | None = None
    logprobs: int | None = None
    sampling: Sampling = Sampling()
    defaults: Sampling = Sampling()
    keep_alive_seconds: float | None = None
    ignored: tuple[str, ...] = ()
    is_strict: bool = False
    num_ctx: int | None = None
    needs: frozenset[Need] = frozenset()
    wish: DeviceWish | None = None
    is_streamed: bool = True
    received_at: float = field(default_factory=time.perf_counter)
    """`time.perf_counter()` when the request arrived; all durations count from here."""


@dataclass(frozen=True, slots=True)
class ChainStep:
    """One device the dispatcher considered or tried, and how that went ("" = it served). `tokens`
    are those of the answer that it produced."""

    device: str
    reason: str
    error: str = ""
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class RouteReport:
    """Where a request was sent and why. Becomes the X-NPU-Proxy headers.

    `routed_device` is what the rule chose, `execution_device` where it ran; `fallback_reason` is ""
    when they are the same. `prompt_tokens` is the exact count that the decision was made on.
    """

    routed_device: str
    execution_device: str
    reason: str
    fallback_reason: str
    prompt_tokens: int
    emulated: bool = False
    explanation: str = ""
    """The reason in words for people, e.g. "1,912 tokens: over the NPU's 1,800, so CPU"."""
    chain: tuple[ChainStep, ...] = ()
    predicted_seconds: float | None = None
    """What the passports promise from receipt to the last token; None without passports."""


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds. `queue`: waiting for a slot; `load`: waiting for the engine to load; `prefill` and
    `decode` come from the engine itself; `total` from receipt to the last token; `ttft` from
    receipt to the first token."""

    queue: float = 0.0
    load: float = 0.0
    prefill: float = 0.0
    decode: float = 0.0
    ttft: float = 0.0
    total: float = 0.0


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """One token of the answer as the engine chose it: its bytes, which need not be whole
    characters, and the natural logarithm of its probability."""

    token: bytes
    logprob: float

    @property
    def text(self) -> str:
        """The token as text, with replacement characters where it is none."""
        return self.token.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Text of one engine step for one request, complete UTF-8. `token_ids` are the tokens behind
    it; text may lag its tokens (split characters, possible stop strings, possible markup), so it
    can be "". `logprobs` has an entry for each of the tokens if the request asked for them."""

    text: str
    token_ids: tuple[int, ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    """Text of the model's reasoning, without its tags; the rest is as in TextDelta."""

    text: str
    token_ids: tuple[int, ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A complete call; `index` counts from 0 through the answer, `arguments` keep their order.
    `problem` says why the tool could not take them ("" = they satisfy its schema)."""

    index: int
    name: str
    arguments: Mapping[str, Any]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event of a generation that ended well. `stop_string` is the one that ended it;
    `thinking_tokens` of the completion's were reasoning."""

    reason: FinishReason
    prompt_tokens: int
    completion_tokens: int
    timings: Timings
    stop_string: str | None = None
    thinking_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Failed:
    """The last event of a generation that broke after its first token."""

    error: Exception


AnswerEvent = TextDelta | ThinkingDelta | ToolCall
"""What an answer is made of (see `inference.prompts.answers`)."""

Event = AnswerEvent | Finished | Failed
