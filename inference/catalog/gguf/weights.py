"""Weights as the frontend leaves them, re-ordered or re-packed.

The frontend keeps a weight packed: Constant(u4, i8, …) -> Convert -> Subtract(zero points) ->
Multiply(scales) -> Reshape, with one scale for each group of 16, 32 or 256 values. These functions
read such a chain with numpy and write it anew. They work on one weight at a time, so that a large
model never has more than one of its matrices unpacked.
"""

from collections.abc import Callable

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import op
from openvino import opset15 as ops

_BITS = {"u1": 1, "u2": 2, "u3": 3, "u4": 4, "i4": 4, "nf4": 4, "f4e2m1": 4}
_ROWWISE = {"Convert", "Subtract", "Multiply", "Reshape", "Add"}


def reorder_rows(weight: ov.Output, rows: NDArray[np.int64]) -> ov.Output | None:
    """A copy of the chain behind `weight` [N, E] whose row i is the old row rows[i].

    None if the chain has anything in it that does not keep rows apart, or rows that do not begin
    at a byte.
    """
    node = weight.get_node()
    if node.get_type_name() == "Constant":
        constant = _reorder_constant(node, rows)
        return None if constant is None else constant.output(0)
    if node.get_type_name() not in _ROWWISE:
        return None
    is_reshape = node.get_type_name() == "Reshape"
    operands: list[ov.Output] = []
    for position in range(node.get_input_size()):
        value = node.input_value(position)
        if is_reshape and position == 1:
            operands.append(value)
            continue
        moved = reorder_rows(value, rows)
        if moved is None:
            return None
        operands.append(moved)
    copy = _clone(node, operands)
    copy.set_friendly_name(node.get_friendly_name())
    return copy.output(0)


def _clone(node: ov.Node, operands: list[ov.Output]) -> ov.Node:
    kind = node.get_type_name()
    if kind == "Convert":
        return ops.convert(operands[0], node.get_attributes()["destination_type"])
    if kind == "Reshape":
        return ops.reshape(operands[0], operands[1], node.get_attributes()["special_zero"])
    return {"Subtract": ops.subtract, "Multiply": ops.multiply, "Add": ops.add}[kind](*operands)


def _reorder_constant(node: ov.Node, rows: NDArray[np.int64]) -> op.Constant | None:
    shape = list(node.get_output_shape(0))
    if not shape or shape[0] != len(rows):
        is_shared = int(np.prod(shape)) == 1
        return node if is_shared else None
    element = node.get_element_type()
    bits = _BITS.get(element.get_type_name(), 8 * element.size)
    if int(np.prod(shape[1:])) * bits % 8:
        return None
    packed = np.asarray(node.data).reshape(-1).view(np.uint8).reshape(len(rows), -1)
    moved = np.ascontiguousarray(packed[rows]).reshape(-1)
    return pack_constant(moved, shape, element)


def pack_constant(packed: NDArray[np.uint8], shape: list[int], element: ov.Type) -> op.Constant:
    """A constant of any type from its bytes (copied)."""
    return op.Constant(ov.Tensor(packed, ov.Shape(shape), element), shared_memory=False)


def repack_int8(model: ov.Model, report: Callable[[float], None]) -> int:
    """Re-pack every matrix of `model` to eight bits with one scale per row; return how many.

    Matrices that multiply the same values (query, key and value; gate and up) become one matrix
    and one multiplication: a token of a small model is mostly the cost of starting operations.
    `report` is told the share done, from 0 to 1. Matrices in a form that is not understood (three
    dimensions, exotic types) stay as they are.
    """
    groups: dict[tuple[str, int], list[ov.Node]] = {}
    for node in model.get_ordered_ops():
        if node.get_type_name() == "MatMul" and node.get_attributes()["transpose_b"]:
            source = node.input_value(0)
            key = (source.get_node().get_friendly_name(), source.get_index())
            groups.setdefault(key, []).append(node)
    done = 0
    for position, group in enumerate(groups.values()):
        done += _repack_group(group)
        report((position + 1) / len(groups))
    model.validate_nodes_and_infer_types()
    return done


def _repack_group(group: list[ov.Node]) -> int:
    """Re-pack multiplications of one input; return how many matrices they had."""
    matrices = [(node, unpack(node.input_value(1))) for node in group]
    known = [(node, values) for node, values in matrices if values is not None and values.ndim == 2]
    if len(known) == 1:
        # The weight may be the embedding table too, which then shares the packed copy.
        weight = known[0][0].input_value(1)
        packed = pack_int8(known[0][1])
        packed.get_node().set_friendly_name(weight.get_node().get_friendly_name())
        for target in weight.get_target_inputs():
            target.replace_source_output(packed)
    elif known:
        packed = pack_int8(np.concatenate([values for _, values in known]))
        product = ops.matmul(known[0][0].input_value(0), packed, False, True)
        rows = np.array([len(values) for _, values in known])
        parts = ops.variadic_split(product, np.int64(-1), rows)
        for i, (node, _) in enumerate(known):
            for target in node.output(0).get_target_inputs():
                target.replace_source_output(parts.output(i))
    return len(known)


def pack_int8(values: NDArray[np.float32]) -> ov.Output:
    """A chain that gives back f32 [N, E] `values` from i8 and one f16 scale per row.

    This is the form of symmetric eight-bit exports, which every plug-in multiplies with directly.
    """
    scales = (np.abs(values).max(axis=1, keepdims=True) / 127).astype(np.float16)
    divisors = np.where(scales == 0, np.float16(1), scales).astype(np.float32)
    rounded = np.clip(np.rint(values / divisors), -127, 127).astype(np.int8)
    unscaled = ops.convert(op.Constant(rounded), "f16")
    return ops.convert(ops.multiply(unscaled, op.Constant(scales)), "f32").output(0)


def unpack(weight: ov.Output) -> NDArray[np.float32] | None:
    """The values behind a chain, or None if it has something in it that is not understood."""
    node = weight.get_node()
    kind = node.get_type_name()
    if kind == "Constant":
        return _constant_values(node)
    if kind not in _ROWWISE:
        return None
    first = unpack(node.input_value(0))
    if first is None or kind == "Convert":
        return first
    if kind == "Reshape":
        return first.reshape(tuple(node.get_output_shape(0)))
    second = unpack(node.input_value(1))
    if second is None:
        return None
    return {"Subtract": np.subtract, "Multiply": np.multiply, "Add": np.add}[kind](first, second)


def _constant_values(node: ov.Node) -> NDArray[np.float32] | None:
    shape = tuple(node.get_output_shape(0))
    name = node.get_element_type().get_type_name()
    if name in ("f32", "f16", "i8", "u8"):
        return np.asarray(node.data, np.float32)
    if name == "bf16":
        words = np.asarray(node.data).view(np.uint16).astype(np.uint32) << 16
        return words.view(np.float32).reshape(shape)
    if name == "u2":
        packed = np.asarray(node.data).reshape(-1).view(np.uint8)
        quarters = np.stack([packed >> shift & 3 for shift in (0, 2, 4, 6)], axis=-1)
        return quarters.reshape(-1)[: int(np.prod(shape))].astype(np.float32).reshape(shape)
    if name in ("u4", "i4"):
        packed = np.asarray(node.data).reshape(-1).view(np.uint8)
        halves = np.stack([packed & 15, packed >> 4], axis=-1).reshape(-1)[: int(np.prod(shape))]
        values = halves.astype(np.float32).reshape(shape)
        return values if name == "u4" else np.where(values > 7, values - 16, values)
    return None
