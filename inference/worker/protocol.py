"""The wire between the server and one engine process: framing and the values that travel.

A frame is four bytes of length (big-endian) and one JSON object, encoded by orjson. The server
sends `generate`, `embed`, `cancel` and `shutdown`; the worker answers `hello` (with the one-time
token), `ready` or `load_failed`, then one `step` frame per engine step that carries every request's
new tokens, or one `embedded` frame for each `embed`. From `hello` on it sends a `beat` every second
as a sign of life. Both sides import this module, so it imports neither Django nor OpenVINO.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

HEADER = struct.Struct("!I")
MAX_FRAME_BYTES = 64 * 2**20


class ProtocolError(Exception):
    """The other side sent something that is no frame of ours."""


@dataclass(frozen=True, slots=True)
class Job:
    """What one worker is started for; travels on its standard input, never on its command line.

    `port` and `token` are the loopback port and the one-time secret of the link. `runtime` is
    "batched" (ContinuousBatchingPipeline), "npu" (static LLMPipeline), "embedding" (a sentence
    encoder), "echo" or "echo-embedding" (no model).
    `properties` go to the pipeline as they are. Lengths are tokens, `cache_gigabytes` is the
    ceiling of the KV cache. `markup` are texts of special tokens that belong to an answer's text.
    """

    port: int
    token: str
    runtime: str
    folder: str
    device: str
    properties: dict[str, Any] = field(default_factory=dict)
    max_batched_tokens: int = 256
    cache_gigabytes: int = 2
    markup: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class EngineRequest:
    """One generation as the engine sees it. `number` is unique within the worker's life (a
    duplicate breaks the pipeline's step for everyone). `grammar` is (kind, text) or None.

    A generation that another engine began comes with the tokens it `produced` (the engine goes on
    behind them; `max_new_tokens` is what is left) and the number of characters already `sent`, so
    that text and stop strings go on without a gap or a repeat. Its grammar holds the rest only.
    """

    number: int
    ids: list[int]
    max_new_tokens: int
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    seed: int = 0
    repetition_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    stop: list[str] = field(default_factory=list)
    ignore_eos: bool = False
    grammar: tuple[str, str] | None = None
    wants_logprobs: bool = False
    produced: list[int] = field(default_factory=list)
    sent_characters: int = 0

    @property
    def all_ids(self) -> list[int]:
        """The tokens the engine reads before it goes on."""
        return self.ids + self.produced


@dataclass(slots=True)
class Chunk:
    """What one engine step gave one request.

    `finish` is "" while it runs, then "stop", "length", "cancelled", "refused" (a parameter the
    engine does not take; `error` says which) or "failed". The last chunk carries the engine's own
    `prefill_seconds` and `decode_seconds`, and the `stop_string` that ended it. `logprobs` has
    (the token's bytes in hexadecimal, natural logarithm) for each token when they are wanted.
    Where a grammar holds the answer, tokens come no earlier than their whole text.
    """

    number: int
    token_ids: list[int]
    text: str
    finish: str = ""
    prefill_seconds: float = 0.0
    decode_seconds: float = 0.0
    error: str = ""
    stop_string: str = ""
    logprobs: list[tuple[str, float]] = field(default_factory=list)

    def to_wire(self) -> list[Any]:
        """The compact list form; the tail is sent only when there is one."""
        if not self.finish and not self.logprobs:
            return [self.number, self.token_ids, self.text]
        return [
            self.number,
            self.token_ids,
            self.text,
            self.finish,
            self.prefill_seconds,
            self.decode_seconds,
            self.error,
            self.stop_string,
            self.logprobs,
        ]


def encode(message: Mapping[str, Any]) -> bytes:
    """A frame ready to be written."""
    body = orjson.dumps(message)
    return HEADER.pack(len(body)) + body


def encode_step(chunks: Iterable[Chunk]) -> bytes:
    """The one frame of an engine step."""
    return encode({"type": "step", "chunks": [chunk.to_wire() for chunk in chunks]})


def encode_generate(request: EngineRequest) -> bytes:
    """The frame that asks for a generation."""
    return encode({"type": "generate", "request": asdict(request)})


def decode_request(message: Mapping[str, Any]) -> EngineRequest:
    """The request of a `generate` message."""
    return EngineRequest(**message["request"])


def decode_job(line: bytes) -> Job:
    """The job from the worker's standard input. Raises ProtocolError if it is none."""
    try:
        return Job(**orjson.loads(line))
    except (orjson.JSONDecodeError, TypeError) as error:
        raise ProtocolError("the job on standard input cannot be read") from error


def encode_job(job: Job) -> bytes:
    """One line for the worker's standard input."""
    return orjson.dumps(asdict(job)) + b"\n"


async def read_message(reader: asyncio.StreamReader) -> dict[str, Any] | None:
    """The next message, or None when the link is closed (cleanly or not).

    Raises ProtocolError on an over-long frame or one that is not a JSON object.
    """
    try:
        (length,) = HEADER.unpack(await reader.readexactly(HEADER.size))
        if length > MAX_FRAME_BYTES:
            raise ProtocolError(f"a frame of {length} bytes is over the limit")
        body = await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ProtocolError("a frame is not JSON") from error
    if not isinstance(message, dict):
        raise ProtocolError("a frame is not a JSON object")
    return message


@dataclass(frozen=True, slots=True)
class EmbedRequest:
    """Texts for an encoder, each as the ids it reads, special tokens included. `number` as in
    EngineRequest."""

    number: int
    texts: list[list[int]]


@dataclass(frozen=True, slots=True)
class Embedded:
    """The answer to an EmbedRequest, whole: `vectors` are little-endian f32 in base64, the texts'
    one after the other, not normalised. `seconds` is what the engine spent on steps that it had
    texts in; `error` says why there are no vectors."""

    number: int
    vectors: str
    seconds: float
    error: str = ""


def encode_embed(request: EmbedRequest) -> bytes:
    """The frame that asks for vectors."""
    return encode({"type": "embed", "request": asdict(request)})


def decode_embed(message: Mapping[str, Any]) -> EmbedRequest:
    """The request of an `embed` message."""
    return EmbedRequest(**message["request"])


def encode_embedded(answer: Embedded) -> bytes:
    """The frame with the vectors."""
    return encode({"type": "embedded", "answer": asdict(answer)})


def decode_embedded(message: Mapping[str, Any]) -> Embedded:
    """The answer of an `embedded` message."""
    return Embedded(**message["answer"])
