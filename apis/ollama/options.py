"""`options` to sampling parameters: pure but for one warning per unknown key.

Every key is either applied or named in `ignored`, which becomes the header X-NPU-Proxy-Ignored.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from apis.conversation import checked_stops
from inference.errors import InvalidRequest
from inference.requests import Sampling

log = logging.getLogger(__name__)

DEFAULTS = Sampling(
    temperature=0.8,
    top_p=0.9,
    top_k=40,
    min_p=0.0,
    repetition_penalty=1.0,
    presence_penalty=0.0,
    frequency_penalty=0.0,
)
"""Ollama's own."""

Kind = Literal["float32", "integer", "boolean", "array"]

APPLIED: dict[str, tuple[str, Kind]] = {
    "temperature": ("temperature", "float32"),
    "top_p": ("top_p", "float32"),
    "top_k": ("top_k", "integer"),
    "min_p": ("min_p", "float32"),
    "seed": ("seed", "integer"),
    "num_predict": ("max_tokens", "integer"),
    "repeat_penalty": ("repetition_penalty", "float32"),
    "presence_penalty": ("presence_penalty", "float32"),
    "frequency_penalty": ("frequency_penalty", "float32"),
    "stop": ("stop", "array"),
    "ignore_eos": ("ignore_eos", "boolean"),
}
"""Our name and the type of every option that reaches the engine. `ignore_eos` is ours."""

NUM_CTX = "num_ctx"
"""Bounds one request; no engine is loaded anew for it, whatever odd value a client sends."""

WITHOUT_EFFECT: dict[str, Kind] = {
    # The engine has nothing like it.
    "num_keep": "integer",
    "typical_p": "float32",
    "repeat_last_n": "integer",
    "tfs_z": "float32",
    "mirostat": "integer",
    "mirostat_tau": "float32",
    "mirostat_eta": "float32",
    "penalize_newline": "boolean",
    "draft_num_predict": "integer",
    # Set for the whole engine, by the owner.
    "num_batch": "integer",
    "num_gpu": "integer",
    "main_gpu": "integer",
    "num_thread": "integer",
    "use_mmap": "boolean",
    "use_mlock": "boolean",
    "low_vram": "boolean",
    "numa": "boolean",
    "f16_kv": "boolean",
    "vocab_only": "boolean",
    "logits_all": "boolean",
}

LARGEST_INTEGER = 2**31 - 1
MOST_UNKNOWN_KEYS = 256
_KEY = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_warned: set[str] = set()


@dataclass(frozen=True, slots=True)
class Options:
    """What a client's options mean. `ignored` are the keys without effect, in their order;
    `num_ctx` bounds prompt and answer together, in tokens."""

    sampling: Sampling
    ignored: tuple[str, ...]
    num_ctx: int | None = None


def read_options(options: Mapping[str, Any] | None) -> Options:
    """The options, checked. Raises InvalidRequest naming the option."""
    values: dict[str, Any] = {}
    ignored: list[str] = []
    num_ctx = None
    for key, value in (options or {}).items():
        if value is None:
            continue
        if key in APPLIED:
            name, kind = APPLIED[key]
            values[name] = _usable(key, _typed(key, value, kind))
        elif key == NUM_CTX:
            tokens = _typed(key, value, "integer")
            num_ctx = min(LARGEST_INTEGER, tokens) if tokens > 0 else None  # 0: the model's own
        elif key in WITHOUT_EFFECT:
            _typed(key, value, WITHOUT_EFFECT[key])
            ignored.append(key)
        else:
            _warn_once(key)
            if _KEY.fullmatch(key):
                ignored.append(key)
    return Options(Sampling(**values), tuple(ignored), num_ctx)


def _typed(key: str, value: Any, kind: Kind) -> Any:
    """The value in its type; numbers with a fraction are cut where whole ones are wanted."""
    if kind == "boolean" and isinstance(value, bool):
        return value
    if kind == "array" and isinstance(value, list) and all(isinstance(v, str) for v in value):
        return checked_stops(value, key)
    if isinstance(value, int | float) and not isinstance(value, bool):
        if kind == "float32":
            return float(value)
        if kind == "integer":
            return int(value)
    raise InvalidRequest(f'option "{key}" must be of type {kind}', field=key)


def _usable(key: str, value: Any) -> Any:
    """The value as Ollama's sampler would take it: clamped where it clamps, refused where nothing
    sensible is left."""
    if key in ("top_p", "min_p"):
        return min(1.0, max(0.0, value))
    if key == "top_k":
        return min(LARGEST_INTEGER, max(0, value))
    if key == "num_predict":
        return min(LARGEST_INTEGER, value) if value > 0 else None  # -1, -2: until the end
    if key == "seed":
        return None if value == -1 else value
    if key == "repeat_penalty" and value <= 0:
        raise InvalidRequest(f'option "{key}" must be above 0, got {value:g}', field=key)
    return value


def _warn_once(key: str) -> None:
    if key not in _warned and len(_warned) < MOST_UNKNOWN_KEYS:
        _warned.add(key)
        log.warning("unknown option %r is ignored", key[:40])
