"""What a client wants embedded, in no family's words, and what it gets."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from inference.requests import DeviceWish, RouteReport, Timings, new_request_id

if TYPE_CHECKING:
    from inference.embeddings.vectors import Vectors


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingRequest:
    """`inputs` are texts, or texts as the model's own token ids; at least one, and "" is one.

    A text of more than the model's tokens (or `num_ctx`, if that is fewer) is cut, unless
    `truncate` is false. `dimensions` above 0 and below the model's cuts the vectors;
    `is_normalised` gives them the length 1, also after a cut. `ignored` and `is_strict` are as in
    GenerationRequest.
    """

    model: str
    family: Literal["ollama", "openai"]
    endpoint: str
    inputs: tuple[str | tuple[int, ...], ...]
    request_id: str = field(default_factory=new_request_id)
    client: str = ""
    truncate: bool = True
    num_ctx: int | None = None
    dimensions: int | None = None
    is_normalised: bool = True
    keep_alive_seconds: float | None = None
    ignored: tuple[str, ...] = ()
    is_strict: bool = False
    wish: DeviceWish | None = None
    received_at: float = field(default_factory=time.perf_counter)
    """`time.perf_counter()` when the request arrived; all durations count from here."""


@dataclass(frozen=True, slots=True)
class Embeddings:
    """`vectors` is f32 [N, E] in the order of the inputs. `prompt_tokens` counts all of them after
    cutting, special tokens included; `cached` are the inputs that needed no engine."""

    vectors: Vectors
    prompt_tokens: int
    cached: int
    route: RouteReport
    timings: Timings
