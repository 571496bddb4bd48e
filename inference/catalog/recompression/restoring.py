"""Packed weights made whole again: nncf compresses floats only, and leaves out what is packed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import openvino as ov
from openvino import op
from openvino import opset15 as ops

from inference.catalog.gguf.weights import unpack

_PACKED = frozenset({"i8", "u8", "i4", "u4", "u2"})
_STEPS = frozenset({"Convert", "Subtract", "Multiply", "Reshape"})


def restore_floats(model: ov.Model, report: Callable[[float], None] = lambda share: None) -> int:
    """Replace every packed matrix of `model` by its values as 16-bit floats; return how many.

    Needs the memory of the restored model. Chains in a form that is not understood stay packed.
    """
    constants = [
        node
        for node in model.get_ordered_ops()
        if node.get_type_name() == "Constant"
        and node.get_element_type().get_type_name() in _PACKED
        and len(node.get_output_shape(0)) > 1
    ]
    restored = 0
    for position, constant in enumerate(constants):
        end = _end_of_chain(constant)
        values = None if end is None else unpack(end)
        if end is not None and values is not None:
            _replace(end, values.astype(np.float16))
            restored += 1
        report((position + 1) / len(constants))
    model.validate_nodes_and_infer_types()
    return restored


def name_apart(model: ov.Model) -> None:
    """Give every operation a name of its own; nncf tells them apart by name."""
    seen: set[str] = set()
    for number, node in enumerate(model.get_ordered_ops()):
        name = node.get_friendly_name()
        if name in seen:
            name = f"{name}.{number}"
            node.set_friendly_name(name)
        seen.add(name)


def row_widths(model: ov.Model) -> set[int]:
    """How many values the rows of the model's matrices have."""
    widths = set()
    for node in model.get_ordered_ops():
        if node.get_type_name() == "MatMul" and _is_constant(node.input_value(1)):
            shape = node.input_value(1).get_shape()
            widths.add(int(shape[-1 if node.get_attributes()["transpose_b"] else -2]))
    return widths


def _is_constant(value: ov.Output) -> bool:
    node = value.get_node()
    while node.get_type_name() == "Convert":
        node = node.input_value(0).get_node()
    return bool(node.get_type_name() == "Constant")


def _end_of_chain(constant: ov.Node) -> ov.Output | None:
    """Where the values of a packed constant are whole; None if they are never scaled, as zero
    points are not."""
    end, is_scaled = constant.output(0), False
    while True:
        targets = list(end.get_target_inputs())
        if len(targets) != 1 or targets[0].get_index() != 0:
            break
        node = targets[0].get_node()
        if node.get_type_name() not in _STEPS:
            break
        is_scaled = is_scaled or node.get_type_name() == "Multiply"
        end = node.output(0)
    return end if is_scaled else None


def _replace(end: ov.Output, values: object) -> None:
    whole: ov.Node = op.Constant(values)
    whole.set_friendly_name(end.get_node().get_friendly_name())
    kind = end.get_element_type().get_type_name()
    if kind != "f16":
        name = whole.get_friendly_name()
        whole = ops.convert(whole, kind)
        whole.set_friendly_name(f"{name}/convert")
    for target in list(end.get_target_inputs()):
        target.replace_source_output(whole.output(0))
