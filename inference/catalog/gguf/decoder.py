"""Builds the decoder that OpenVINO GenAI runs, from a GGUF file's numbers and weights.

OpenVINO's GGUF frontend reads the weights; the graph it makes of them is llama.cpp's, for one
sequence, and of several architectures it is wrong (2026.4: scaled positions, layers without
positions, norms after the rotation, norms after the layers). So its weights are taken, and the
graph is written here, in the shape that Hugging Face exports have: token ids, a padding mask and
positions in, logits out, keys and values kept in variables with a free batch dimension. That one
shape then serves continuous batching (which replaces the attention by paged attention), the plain
stateful pipeline, and the NPU pipeline (which makes everything static).

Letters in the comments: B sequences, S new tokens, T all tokens so far, H heads, K key/value
heads, D size of a head, E width of the model, V vocabulary.
"""

from collections.abc import Mapping

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import op
from openvino import opset15 as ops

from inference.catalog.gguf.cache import (
    DecoderInputs,
    append_to_history,
    causal_mask,
    make_inputs,
    repeat_for_query_heads,
)
from inference.catalog.gguf.errors import CorruptFile
from inference.catalog.gguf.hyperparameters import Hyperparameters
from inference.catalog.gguf.rope import halves_first, rotate, rotation_speeds, rotation_tables
from inference.catalog.gguf.weights import reorder_rows

_SWAP = np.array([0, 2, 1, 3])  # heads before tokens, or back


def build_decoder(
    numbers: Hyperparameters,
    weights: Mapping[str, ov.Output],
    factors: NDArray[np.float64] | None = None,
) -> ov.Model:
    """The decoder as a model of `weights`, by their names in the file.

    `factors` slow the rotation of single pairs of channels. Raises CorruptFile when a weight is
    not there or has another size than the numbers say.
    """
    return _Builder(numbers, weights, factors).build()


class _Builder:
    """What the layers share while they are built one after the other."""

    def __init__(
        self,
        numbers: Hyperparameters,
        weights: Mapping[str, ov.Output],
        factors: NDArray[np.float64] | None,
    ) -> None:
        self.numbers = numbers
        self.weights = weights
        self.inputs: DecoderInputs = make_inputs()
        self.sinks: list[ov.Node] = []
        kinds = {numbers.is_windowed(layer) for layer in range(numbers.layers)}
        self.masks = {
            kind: causal_mask(self.inputs, numbers.window if kind else None) for kind in kinds
        }
        positions = self.inputs.position_ids.output(0)
        self.tables = {
            kind: rotation_tables(positions, rotation_speeds(numbers, factors, is_local=kind))
            for kind in kinds
        }

    def build(self) -> ov.Model:
        numbers = self.numbers
        table = self.weight("token_embd.weight", None, numbers.width)
        hidden = ops.gather(table, ops.convert(self.inputs.input_ids, "i32"), np.int32(0)).output(0)
        hidden = _scaled(hidden, numbers.embedding_scale)  # [B, S, E]
        for layer in range(numbers.layers):
            hidden = self.add_layer(layer, hidden)
        hidden = self.norm(hidden, "output_norm.weight")
        hidden = _scaled(hidden, 1 / numbers.logit_scale)
        # GenAI looks for the last MatMul to cut all but the last token off in front of it.
        name = "output.weight" if "output.weight" in self.weights else "token_embd.weight"
        head = self.weight(name, None, numbers.width)
        logits = ops.matmul(hidden, head, False, True).output(0)
        if numbers.final_soft_cap:
            cap = np.float32(numbers.final_soft_cap)
            logits = ops.multiply(ops.tanh(ops.divide(logits, cap)), cap).output(0)
        logits.get_tensor().set_names({"logits"})
        result = op.Result(logits)
        result.set_friendly_name("logits")
        decoder = ov.Model([result], self.sinks, self.inputs.as_list(), "decoder")
        decoder.validate_nodes_and_infer_types()
        return decoder

    def add_layer(self, layer: int, hidden: ov.Output) -> ov.Output:
        """[B, S, E] through the layer's two parts, each added to what it was given."""
        prefix, scale = f"blk.{layer}.", self.numbers.residual_scale
        before = self.norm_if_any(hidden, prefix + "attn_norm.weight")
        update = self.attend(layer, before)
        # Where there is no norm before the feed-forward part, this one has that place: so names
        # its files the seed_oss family, while others norm what comes out of the attention.
        has_feed_norm = prefix + "ffn_norm.weight" in self.weights
        norms_first = has_feed_norm or prefix + "attn_norm.weight" not in self.weights
        if norms_first:
            update = self.norm_if_any(update, prefix + "post_attention_norm.weight")
        hidden = ops.add(_scaled(update, scale), hidden).output(0)
        name = "ffn_norm.weight" if norms_first else "post_attention_norm.weight"
        update = self.feed_forward(layer, self.norm_if_any(hidden, prefix + name))
        update = self.norm_if_any(update, prefix + "post_ffw_norm.weight")
        return ops.add(_scaled(update, scale), hidden).output(0)

    def attend(self, layer: int, hidden: ov.Output) -> ov.Output:
        """The attention of [B, S, E] over the whole history."""
        numbers = self.numbers
        query = self.heads(layer, hidden, "q", numbers.heads)
        key = self.heads(layer, hidden, "k", numbers.kv_heads)
        value = self.heads(layer, hidden, "v", numbers.kv_heads)
        if numbers.temperature_scale:
            query = ops.multiply(query, self.temperature()).output(0)
        states: list[ov.Output] = []
        for kind, fresh in (("key", key), ("value", value)):
            history, sink = append_to_history(kind, layer, fresh, self.inputs)
            self.sinks.append(sink)
            states.append(repeat_for_query_heads(history, numbers.heads))
        mask = self.masks[numbers.is_windowed(layer)]
        scale = ops.constant(np.float32(numbers.attention_scale))
        mixed = ops.scaled_dot_product_attention(query, *states, mask, scale)
        mixed.set_friendly_name(f"blk.{layer}.attention")
        merged = ops.reshape(
            ops.transpose(mixed, _SWAP), np.array([0, 0, numbers.heads * numbers.head_size]), True
        )
        return self.project(layer, "attn_output", merged.output(0), numbers.width)

    def heads(self, layer: int, hidden: ov.Output, part: str, count: int) -> ov.Output:
        """Queries, keys or values as [B, count, S, D], normalised and rotated as they are to be."""
        numbers = self.numbers
        kind, size = numbers.architecture, numbers.head_size
        is_turned = part != "v" and numbers.is_rotated(layer)
        rows = None
        if is_turned and kind.rotates_neighbours:
            rows = halves_first(count, size, numbers.rotated)
        flat = self.project(layer, f"attn_{part}", hidden, count * size, rows)
        norm = f"blk.{layer}.attn_{part}_norm.weight"
        is_whole = norm in self.weights and _length(self.weights[norm]) != size
        if is_whole:
            flat = self.norm(flat, norm, rows)
        split = ops.reshape(flat, np.array([0, 0, count, size]), True).output(0)
        order = None if rows is None else rows[:size]
        if norm in self.weights and not is_whole and not kind.norms_rotated_heads:
            split = self.norm(split, norm, order)
        turned = ops.transpose(split, _SWAP).output(0)
        if is_turned:
            turned = rotate(turned, self.tables[numbers.is_windowed(layer)])
        if norm in self.weights and not is_whole and kind.norms_rotated_heads:
            turned = self.norm(turned, norm, order)
        return turned

    def feed_forward(self, layer: int, hidden: ov.Output) -> ov.Output:
        """down(activation(gate) * up) of [B, S, E]."""
        down = f"blk.{layer}.ffn_down.weight"
        inner = int(self.weight(down, self.numbers.width, None).get_shape()[1])
        if f"blk.{layer}.ffn_gate.weight" in self.weights:
            gate = self.project(layer, "ffn_gate", hidden, inner)
            up = self.project(layer, "ffn_up", hidden, inner)
        else:
            both = self.project(layer, "ffn_up", hidden, 2 * inner)
            parts = ops.variadic_split(both, np.int64(2), np.array([inner, inner]))
            gate, up = parts.output(0), parts.output(1)
        is_gelu = self.numbers.architecture.is_gelu
        active = ops.gelu(gate, "tanh") if is_gelu else ops.swish(gate)
        return self.project(
            layer, "ffn_down", ops.multiply(active, up).output(0), self.numbers.width
        )

    def project(
        self,
        layer: int,
        part: str,
        hidden: ov.Output,
        length: int,
        rows: NDArray[np.int64] | None = None,
    ) -> ov.Output:
        """[…, N] times a weight [length, N], its rows in the order `rows`, plus its bias."""
        name = f"blk.{layer}.{part}"
        weight, late = self.weight(f"{name}.weight", length, None), rows
        if rows is not None and (ordered := reorder_rows(weight, rows)) is not None:
            weight, late = ordered, None
        product = ops.matmul(hidden, weight, False, True)
        product.set_friendly_name(name)
        result = product.output(0)
        if late is not None:  # a weight that is packed too tightly to be re-ordered
            result = ops.gather(result, late, np.int64(2)).output(0)
        if f"{name}.bias" in self.weights:
            result = ops.add(result, self.vector(f"{name}.bias", length, rows)).output(0)
        return result

    def temperature(self) -> ov.Output:
        """What the queries of far positions are multiplied with, f32 [B, 1, S, 1]."""
        positions = ops.convert(ops.unsqueeze(self.inputs.position_ids, np.array([1, 3])), "f32")
        steps = ops.floor(ops.divide(positions, np.float32(self.numbers.temperature_step)))
        growth = ops.multiply(
            ops.log(ops.add(steps, np.float32(1))), np.float32(self.numbers.temperature_scale)
        )
        return ops.add(growth, np.float32(1)).output(0)

    def norm_if_any(self, hidden: ov.Output, name: str) -> ov.Output:
        return self.norm(hidden, name) if name in self.weights else hidden

    def norm(
        self, hidden: ov.Output, name: str, rows: NDArray[np.int64] | None = None
    ) -> ov.Output:
        """Root-mean-square norm over the last dimension, in the form that plug-ins fuse."""
        length = hidden.get_partial_shape()[-1].get_length()
        squares = ops.reduce_mean(ops.power(hidden, np.float32(2)), np.array([-1]), True)
        root = ops.sqrt(ops.add(squares, np.float32(self.numbers.epsilon)))
        scaled = ops.multiply(hidden, ops.divide(np.float32(1), root))
        return ops.multiply(scaled, self.vector(name, length, rows)).output(0)

    def vector(self, name: str, length: int, rows: NDArray[np.int64] | None) -> ov.Output:
        """A norm or bias, f32 [length], in the order `rows`."""
        value = self.weights[name]
        if _length(value) != length:
            raise CorruptFile("The file contradicts itself about its model's size.")
        if rows is None:
            return value
        return ops.gather(value, rows, np.int64(0)).output(0)

    def weight(self, name: str, rows: int | None, columns: int | None) -> ov.Output:
        """A matrix of the file; None stands for any length."""
        if name not in self.weights:
            raise CorruptFile("The file lacks weights that its model needs.")
        shape = tuple(self.weights[name].get_shape())
        if len(shape) != 2 or rows not in (None, shape[0]) or columns not in (None, shape[1]):
            raise CorruptFile("The file contradicts itself about its model's size.")
        return self.weights[name]


def _length(value: ov.Output) -> int:
    return int(np.prod(list(value.get_shape())))


def _scaled(value: ov.Output, factor: float) -> ov.Output:
    return value if factor == 1 else ops.multiply(value, np.float32(factor)).output(0)
