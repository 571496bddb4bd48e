"""Computes the tiny models of tiny_gguf with numpy, straight from the papers' formulas."""

import numpy as np
from numpy.typing import NDArray

from tests.catalog.tiny_gguf import HEAD, HEADS, KV_HEADS, LAYERS, WIDTH, TinyModel

Array = NDArray[np.float64]


def reference_logits(model: TinyModel, ids: NDArray[np.int64]) -> Array:
    """Logits f64 [S, V] of every position of `ids` [S]."""
    weights = {name: tensor.astype(np.float64) for name, tensor in model.tensors.items()}
    is_gemma = model.architecture == "gemma3"
    window = model.values.get(f"{model.architecture}.attention.sliding_window")
    hidden = weights["token_embd.weight"][ids]
    if is_gemma:
        hidden = hidden * np.sqrt(WIDTH)
    for layer in range(LAYERS):
        block = {
            name.removeprefix(f"blk.{layer}."): tensor
            for name, tensor in weights.items()
            if name.startswith(f"blk.{layer}.")
        }
        update = _attention(block, _norm(hidden, block["attn_norm.weight"]), model, window)
        if "post_attention_norm.weight" in block:
            update = _norm(update, block["post_attention_norm.weight"])
        hidden = hidden + update
        update = _feed_forward(block, _norm(hidden, block["ffn_norm.weight"]), is_gemma)
        if "post_ffw_norm.weight" in block:
            update = _norm(update, block["post_ffw_norm.weight"])
        hidden = hidden + update
    logits: Array = _norm(hidden, weights["output_norm.weight"]) @ weights["token_embd.weight"].T
    return logits


def _norm(values: Array, weight: Array) -> Array:
    normed: Array = values / np.sqrt((values**2).mean(-1, keepdims=True) + 1e-6) * weight
    return normed


def _attention(
    block: dict[str, Array], hidden: Array, model: TinyModel, window: int | None
) -> Array:
    count = len(hidden)
    projected = {}
    for name, heads in (("q", HEADS), ("k", KV_HEADS), ("v", KV_HEADS)):
        values = hidden @ block[f"attn_{name}.weight"].T + block.get(f"attn_{name}.bias", 0.0)
        values = values.reshape(count, heads, HEAD)
        if f"attn_{name}_norm.weight" in block:
            values = _norm(values, block[f"attn_{name}_norm.weight"])
        if name != "v":
            values = _rotate(values, interleaved=model.architecture == "llama")
        projected[name] = np.repeat(values, HEADS // heads, axis=1).transpose(1, 0, 2)
    scores = projected["q"] @ projected["k"].transpose(0, 2, 1) / np.sqrt(HEAD)
    distance = np.arange(count)[:, None] - np.arange(count)
    visible = distance >= 0
    if window is not None:
        visible &= distance < window
    scores = np.where(visible, scores, -np.inf)
    shares = np.exp(scores - scores.max(-1, keepdims=True))
    shares /= shares.sum(-1, keepdims=True)
    mixed = (shares @ projected["v"]).transpose(1, 0, 2).reshape(count, HEADS * HEAD)
    output: Array = mixed @ block["attn_output.weight"].T
    return output


def _rotate(values: Array, *, interleaved: bool) -> Array:
    angles = np.arange(len(values))[:, None] * 10000.0 ** (-np.arange(HEAD // 2) / (HEAD // 2))
    cosine, sine = np.cos(angles)[:, None], np.sin(angles)[:, None]
    halves = np.array(np.split(np.arange(HEAD), 2))
    first, second = (halves.reshape(-1)[i::2] for i in (0, 1)) if interleaved else halves
    rotated = np.empty_like(values)
    rotated[..., first] = values[..., first] * cosine - values[..., second] * sine
    rotated[..., second] = values[..., second] * cosine + values[..., first] * sine
    return rotated


def _feed_forward(block: dict[str, Array], hidden: Array, is_gemma: bool) -> Array:
    gate = hidden @ block["ffn_gate.weight"].T
    if is_gemma:
        gate = gate / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (gate + 0.044715 * gate**3)))
    else:
        gate = gate / (1 + np.exp(-gate))
    output: Array = (gate * (hidden @ block["ffn_up.weight"].T)) @ block["ffn_down.weight"].T
    return output
