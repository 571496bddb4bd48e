"""Rotary positions in the form that OpenVINO's plug-ins compute in one operation.

Llama-type GGUF files rotate neighbouring channels (0,1), (2,3), …; Hugging Face exports rotate
channel i with channel i + D/2, which the CPU, GPU and NPU plug-ins recognise and fuse. Both are
the same mathematics on a different order of channels, and attention does not care for the order
as long as queries and keys share it. So the rows of the query and key weights are re-ordered once,
at import, and the rotation is written in the fusable form. Nothing is rounded.

Letters: B sequences, S new tokens, H heads, D size of a head.
"""

from dataclasses import dataclass

import numpy as np
import openvino as ov
from openvino import opset15 as ops

from inference.catalog.gguf.weights import reorder_rows


@dataclass(frozen=True)
class Rotation:
    """One interleaved rotation found in the frontend's graph."""

    result: ov.Node  # Add, [B, S, H, D]
    heads: ov.Output  # what is rotated, [B, S, H, D]
    cosine: ov.Output  # [B, S, 1, D/2]
    sine: ov.Output  # [B, S, 1, D/2]


def split_rotations_in_halves(model: ov.Model) -> int:
    """Rewrite every interleaved rotation whose weights can be re-ordered; return how many.

    Rotations that are half-split already, or that sit behind a normalisation of each head (whose
    own weights would have to follow), are left as they are: correct, if slower.
    """
    tables: dict[tuple[str, str], tuple[ov.Output, ov.Output]] = {}
    rewritten = 0
    for node in model.get_ordered_ops():
        rotation = match_interleaved(node)
        if rotation is None or not reorder_projection(rotation):
            continue
        key = (
            rotation.cosine.get_node().get_friendly_name(),
            rotation.sine.get_node().get_friendly_name(),
        )
        if key not in tables:
            tables[key] = (duplicate_halves(rotation.cosine), duplicate_halves(rotation.sine))
        rotated = rotate_halves(rotation.heads, *tables[key])
        rotated.get_node().set_friendly_name(rotation.result.get_friendly_name())
        for target in rotation.result.output(0).get_target_inputs():
            target.replace_source_output(rotated)
        rewritten += 1
    return rewritten


def match_interleaved(node: ov.Node) -> Rotation | None:
    """Recognise heads * cos + interleave(-odd, even) * sin, as the frontend writes it."""
    if node.get_type_name() != "Add":
        return None
    terms = [node.input_value(0).get_node(), node.input_value(1).get_node()]
    if any(term.get_type_name() != "Multiply" for term in terms):
        return None
    for straight, turned in (terms, terms[::-1]):
        heads = _interleaved_source(turned.input_value(0))
        if heads is None or straight.input_value(0) != heads:
            continue
        cosine = _undoubled(straight.input_value(1))
        sine = _undoubled(turned.input_value(1))
        if cosine is not None and sine is not None:
            return Rotation(node, heads, cosine, sine)
    return None


def reorder_projection(rotation: Rotation) -> bool:
    """Re-order the rows of the weight behind `rotation`; False when there is no plain weight.

    Even channels of each head come first, then the odd ones.
    """
    reshape = rotation.heads.get_node()
    if reshape.get_type_name() != "Reshape":
        return False
    matmul = reshape.input_value(0).get_node()
    if matmul.get_type_name() != "MatMul" or not matmul.get_attributes()["transpose_b"]:
        return False
    shape = rotation.heads.get_partial_shape()
    heads, size = shape[2].get_length(), shape[3].get_length()
    head = np.concatenate([np.arange(0, size, 2), np.arange(1, size, 2)])
    rows = (np.arange(heads)[:, None] * size + head).reshape(-1)
    weight = reorder_rows(matmul.input_value(1), rows)
    if weight is None:
        return False
    matmul.input(1).replace_source_output(weight)
    return True


def duplicate_halves(table: ov.Output) -> ov.Output:
    """[B, S, 1, D/2] -> [B, 1, S, D]: one table, shared by every layer and head."""
    turned = ops.transpose(table, np.array([0, 2, 1, 3]))
    return ops.concat([turned, turned], -1).output(0)


def rotate_halves(heads: ov.Output, cosine: ov.Output, sine: ov.Output) -> ov.Output:
    """Rotate [B, S, H, D] by tables [B, 1, S, D]; the result is [B, S, H, D] again.

    The rotation happens in [B, H, S, D], because that is where the fusions look for it; the
    transposes around it cancel against those of the attention.
    """
    half = heads.get_partial_shape()[3].get_length() // 2
    swap = np.array([0, 2, 1, 3])
    turned = ops.transpose(heads, swap)
    halves = ops.variadic_split(turned, np.int64(3), np.array([half, half]))
    negated = ops.multiply(halves.output(1), np.float32(-1))
    crossed = ops.concat([negated.output(0), halves.output(0)], -1)
    rotated = ops.add(ops.multiply(turned, cosine), ops.multiply(crossed, sine))
    return ops.transpose(rotated, swap).output(0)


def _interleaved_source(value: ov.Output) -> ov.Output | None:
    """heads, if `value` is reshape(concat(-odd, even)) of the neighbouring channels of heads."""
    reshape = value.get_node()
    concat = _input(reshape, "Reshape")
    negated = _input(concat, "Concat")
    split = _input(negated, "Multiply")
    pairs = _input(split, "Split")
    if pairs is None or pairs.get_type_name() != "Reshape":
        return None
    shape = pairs.get_output_partial_shape(0)
    if shape.rank.get_length() != 5 or shape[4].is_dynamic or shape[4].get_length() != 2:
        return None
    return pairs.input_value(0)


def _undoubled(value: ov.Output) -> ov.Output | None:
    """The [B, S, 1, D/2] table behind the frontend's Unsqueeze, Broadcast and Reshape to D."""
    broadcast = _input(value.get_node(), "Reshape")
    unsqueeze = _input(broadcast, "Broadcast")
    if unsqueeze is None or unsqueeze.get_type_name() != "Unsqueeze":
        return None
    return unsqueeze.input_value(0)


def _input(node: ov.Node | None, kind: str) -> ov.Node | None:
    """The node at the first input of `node`, if `node` is of this kind."""
    if node is None or node.get_type_name() != kind:
        return None
    return node.input_value(0).get_node()
