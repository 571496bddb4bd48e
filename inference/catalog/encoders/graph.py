"""The encoder's network, built from OpenVINO's own operations: no torch, no converter.

The graph takes `input_ids` and `attention_mask` (i64 [B, S], padded on the right) and gives
`sentence_embedding` (f32 [B, E]), pooled and not normalised. A sentence encoder only ever sees one
segment, so the first row of the segment table is part of the position table here.

Formulas: "BERT: Pre-training of Deep Bidirectional Transformers" (Devlin et al., 2018), with the
names that Hugging Face's checkpoints give the weights.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import op
from openvino import opset15 as ops

from inference.catalog.encoders.description import Description
from inference.catalog.encoders.errors import CorruptFile
from inference.catalog.encoders.safetensors import Weights

_WORDS: Final = "embeddings.word_embeddings.weight"


def build_encoder(described: Description, weights: Weights) -> ov.Model:
    """The network. Raises CorruptFile when the weights do not fit the description."""
    return _Builder(described, weights).build()


class _Builder:
    """Holds what every layer needs: the description, the weights, and the names' common prefix."""

    def __init__(self, described: Description, weights: Weights) -> None:
        self._described = described
        self._weights = weights
        # Checkpoints of a bare encoder have no prefix, those of a larger model have its name.
        found = [name for name in weights if name.endswith(_WORDS)]
        if len(found) != 1:
            raise CorruptFile("The file of weights holds no encoder.")
        self._prefix = found[0].removesuffix(_WORDS)

    def build(self) -> ov.Model:
        ids, mask = _input("input_ids"), _input("attention_mask")
        state = self._embed(ids)
        # A row for each sentence, the same for all its heads and positions.
        visible = ops.unsqueeze(ops.convert(mask, "boolean"), np.array([1, 2]))
        for layer in range(self._described.layers):
            state = self._attend(state, visible, f"encoder.layer.{layer}.attention")
            state = self._feed_forward(state, f"encoder.layer.{layer}")
        pooled = self._pool(state, mask).output(0)
        pooled.get_tensor().set_names({"sentence_embedding"})
        return ov.Model([pooled], [ids, mask], "encoder")

    def _embed(self, ids: ov.Node) -> ov.Node:
        described = self._described
        words = self._constant(_WORDS, described.vocabulary, described.width)
        positions = self._take(
            "embeddings.position_embeddings.weight", described.positions, described.width
        )
        segments = self._take(
            "embeddings.token_type_embeddings.weight", described.token_types, described.width
        )
        table = op.Constant(positions[described.first_position :] + segments[0])
        length = ops.slice(ops.shape_of(ids), *_span(1, 2))
        placed = ops.slice(table, np.array([0]), length, np.array([1]), np.array([0]))
        found = ops.gather(words, ids, np.int64(0))
        return self._normalise(ops.add(found, placed), "embeddings.LayerNorm")

    def _attend(self, state: ov.Node, visible: ov.Node, name: str) -> ov.Node:
        described = self._described
        size = described.width // described.heads
        queries, keys, values = (
            ops.transpose(
                ops.reshape(
                    self._project(state, f"{name}.self.{part}", described.width, described.width),
                    np.array([0, 0, described.heads, size]),
                    special_zero=True,
                ),
                np.array([0, 2, 1, 3]),
            )
            for part in ("query", "key", "value")
        )
        seen = ops.scaled_dot_product_attention(queries, keys, values, visible)
        joined = ops.reshape(
            ops.transpose(seen, np.array([0, 2, 1, 3])),
            np.array([0, 0, described.width]),
            special_zero=True,
        )
        answer = self._project(joined, f"{name}.output.dense", described.width, described.width)
        return self._normalise(ops.add(answer, state), f"{name}.output.LayerNorm")

    def _feed_forward(self, state: ov.Node, name: str) -> ov.Node:
        described = self._described
        width, inner = described.width, described.inner_width
        hidden = ops.gelu(
            self._project(state, f"{name}.intermediate.dense", width, inner), described.activation
        )
        answer = self._project(hidden, f"{name}.output.dense", inner, width)
        return self._normalise(ops.add(answer, state), f"{name}.output.LayerNorm")

    def _pool(self, state: ov.Node, mask: ov.Node) -> ov.Node:
        """[B, S, E] to [B, E]; padding counts for nothing."""
        if self._described.pooling == "cls":
            return ops.squeeze(ops.slice(state, *_span(0, 1, axis=1)), np.array([1]))
        weight = ops.unsqueeze(ops.convert(mask, "f32"), np.array([2]))
        if self._described.pooling == "max":
            away = ops.multiply(ops.subtract(weight, np.float32(1)), np.float32(1e4))
            return ops.reduce_max(ops.add(state, away), np.array([1]))
        total = ops.reduce_sum(ops.multiply(state, weight), np.array([1]))
        return ops.divide(total, ops.reduce_sum(weight, np.array([1])))

    def _project(self, value: ov.Node, name: str, width_in: int, width_out: int) -> ov.Node:
        matrix = self._constant(f"{name}.weight", width_out, width_in)
        bias = self._constant(f"{name}.bias", width_out)
        return ops.add(ops.matmul(value, matrix, False, True), bias)

    def _normalise(self, value: ov.Node, name: str) -> ov.Node:
        centred = ops.mvn(value, np.array([-1]), True, self._described.norm_epsilon, "inside_sqrt")
        scale = self._constant(f"{name}.weight", self._described.width)
        shift = self._constant(f"{name}.bias", self._described.width)
        return ops.add(ops.multiply(centred, scale), shift)

    def _constant(self, name: str, *shape: int) -> op.Constant:
        return op.Constant(self._take(name, *shape))

    def _take(self, name: str, *shape: int) -> NDArray[np.float32]:
        return self._weights.take(self._prefix + name, shape)


def _input(name: str) -> op.Parameter:
    parameter = ops.parameter([-1, -1], np.int64, name=name)
    parameter.output(0).get_tensor().set_names({name})
    return parameter


def _span(first: int, last: int, axis: int = 0) -> tuple[NDArray[np.int64], ...]:
    """The operands of a slice of one axis."""
    return np.array([first]), np.array([last]), np.array([1]), np.array([axis])
