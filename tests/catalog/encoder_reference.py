"""BERT's formulas in plain numpy and double precision, one sentence at a time."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tests.catalog.tiny_encoder import HEADS, LAYERS, WIDTH, TinyEncoder

Array = NDArray[np.float64]


def reference_embedding(encoder: TinyEncoder, ids: list[int], pooling: str) -> Array:
    """The sentence's vector [E], pooled and not normalised."""

    def weight(name: str) -> Array:
        return encoder.tensors[name].astype(np.float64)

    def project(value: Array, name: str) -> Array:
        return value @ weight(f"{name}.weight").T + weight(f"{name}.bias")

    def normalise(value: Array, name: str) -> Array:
        centred = value - value.mean(-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(-1, keepdims=True) + encoder.config["layer_norm_eps"])
        return centred / spread * weight(f"{name}.weight") + weight(f"{name}.bias")

    first = 0 if encoder.config["model_type"] == "bert" else encoder.config["pad_token_id"] + 1
    state = (
        weight("embeddings.word_embeddings.weight")[ids]
        + weight("embeddings.position_embeddings.weight")[first : first + len(ids)]
        + weight("embeddings.token_type_embeddings.weight")[0]
    )
    state = normalise(state, "embeddings.LayerNorm")
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}"
        queries, keys, values = (
            project(state, f"{name}.attention.self.{part}")
            .reshape(len(ids), HEADS, -1)
            .transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        scores = queries @ keys.transpose(0, 2, 1) / math.sqrt(WIDTH // HEADS)
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        seen = shares / shares.sum(-1, keepdims=True) @ values
        joined = seen.transpose(1, 0, 2).reshape(len(ids), WIDTH)
        answer = project(joined, f"{name}.attention.output.dense")
        state = normalise(answer + state, f"{name}.attention.output.LayerNorm")
        hidden = _gelu(project(state, f"{name}.intermediate.dense"), encoder.config["hidden_act"])
        state = normalise(
            project(hidden, f"{name}.output.dense") + state, f"{name}.output.LayerNorm"
        )
    pooled: Array = {"mean_tokens": state.mean(0), "cls_token": state[0]}.get(pooling, state.max(0))
    return pooled


def _gelu(value: Array, kind: str) -> Array:
    if kind == "gelu":
        return value * (1 + np.vectorize(math.erf)(value / math.sqrt(2))) / 2
    inner = math.sqrt(2 / math.pi) * (value + 0.044715 * value**3)
    return value * (1 + np.tanh(inner)) / 2
