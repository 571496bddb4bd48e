"""What every decoder has around its layers: the inputs, the mask, and the growing history.

The names and shapes are those of Hugging Face exports, because that is what OpenVINO GenAI's
pipelines and the plug-ins' rewrites look for.

Letters in the comments: B sequences, S new tokens, T all tokens so far, H heads, K key/value
heads, D size of a head.
"""

from dataclasses import dataclass

import numpy as np
import openvino as ov
from openvino import op
from openvino import opset15 as ops
from openvino.op.util import Variable, VariableInfo

# The most negative f16. Where a sequence is padded, whole rows are masked, and a number that
# becomes -inf in half precision (as the NPU pipeline computes) would turn them into NaN.
_MASKED = -65504.0


@dataclass(frozen=True)
class DecoderInputs:
    """The four parameters every GenAI text decoder has."""

    input_ids: op.Parameter  # i64 [B, S]
    attention_mask: op.Parameter  # i64 [B, T], 0 where padded
    position_ids: op.Parameter  # i64 [B, S]
    beam_idx: op.Parameter  # i32 [B]: from which row of the cache each sequence continues

    def as_list(self) -> list[op.Parameter]:
        """In the order that exporters use."""
        return [self.input_ids, self.attention_mask, self.position_ids, self.beam_idx]


def make_inputs() -> DecoderInputs:
    """Create the parameters, named as GenAI looks them up."""

    def parameter(name: str, element: ov.Type, rank: int) -> op.Parameter:
        node = op.Parameter(element, ov.PartialShape([-1] * rank))
        node.set_friendly_name(name)
        node.output(0).get_tensor().set_names({name})
        return node

    return DecoderInputs(
        input_ids=parameter("input_ids", ov.Type.i64, 2),
        attention_mask=parameter("attention_mask", ov.Type.i64, 2),
        position_ids=parameter("position_ids", ov.Type.i64, 2),
        beam_idx=parameter("beam_idx", ov.Type.i32, 1),
    )


def causal_mask(inputs: DecoderInputs, window: int | None) -> ov.Output:
    """Additive mask, f32 [B, 1, S, T]: 0 where a token may look, a huge negative where not.

    What is past is told by cache slot, which holds for the NPU pipeline too: its new tokens come
    last, and attention_mask blanks the empty slots before them. For windowed layers the order of
    the operations is the one by which paged attention (OpenVINO 2026.4, sdpa_to_paged_attention,
    the gpt-oss form) recognises a window and reads its size; any other order would silently give
    full attention.
    """
    total = ops.gather(ops.shape_of(inputs.attention_mask), np.int64(1), np.int64(0))
    fresh = ops.gather(ops.shape_of(inputs.input_ids), np.int64(1), np.int64(0))
    zero, one = ops.constant(np.int64(0)), ops.constant(np.int64(1))
    columns = ops.range(zero, total, one, "i64")  # [T]
    rows = ops.unsqueeze(ops.range(ops.subtract(total, fresh), total, one, "i64"), np.int64(1))
    is_past = ops.less_equal(columns, rows)  # [S, T]
    is_token = ops.unsqueeze(ops.convert(inputs.attention_mask, "boolean"), np.array([1, 2]))
    blocked, allowed = ops.constant(np.float32(_MASKED)), ops.constant(np.float32(0))
    if window is None:
        visible = ops.logical_and(is_past, is_token)  # [B, 1, S, T]
        return ops.select(visible, allowed, blocked).output(0)
    # Distances are counted in tokens, not in slots: the NPU's cache has empty slots in between.
    numbers = ops.cum_sum(inputs.attention_mask, np.int64(1))  # [B, T]
    fresh_slots = ops.range(ops.subtract(total, fresh), total, one, "i64")
    row_numbers = ops.unsqueeze(ops.gather(numbers, fresh_slots, np.int64(1)), np.array([1, 3]))
    column_numbers = ops.unsqueeze(numbers, np.array([1, 2]))
    oldest = ops.add(row_numbers, ops.constant(np.int64(-window)))
    is_near = ops.greater(column_numbers, oldest)  # [B, 1, S, T]
    always = ops.constant(np.array(True))
    visible = ops.bitwise_and(ops.bitwise_and(always, is_near), is_past)
    visible = ops.bitwise_and(ops.bitwise_and(always, visible), is_token)
    shape = ops.shape_of(visible)
    mask = ops.select(ops.broadcast(visible, shape), allowed, blocked)
    start, stop = np.array([0]), ops.unsqueeze(total, np.int64(0))
    return ops.slice(mask, start, stop, np.array([1]), np.array([3])).output(0)


def append_to_history(
    kind: str, layer: int, fresh: ov.Output, inputs: DecoderInputs
) -> tuple[ov.Output, ov.Node]:
    """Concatenate `fresh` keys or values [B, K, S, D] to the variable of `kind` and `layer`.

    Returns the history [B, K, T, D] and the Assign that stores it. Variable names follow the
    Hugging Face exports, because the NPU pipeline parses them.
    """
    shape = fresh.get_partial_shape()
    heads, size = shape[1].get_length(), shape[3].get_length()
    info = VariableInfo()
    info.data_shape = ov.PartialShape([-1, heads, -1, size])
    info.data_type = ov.Type.f32
    info.variable_id = f"past_key_values.{layer}.{kind}present.{layer}.{kind}"
    variable = Variable(info)
    batch = ops.gather(ops.shape_of(inputs.input_ids), np.array([0]), np.int64(0))
    empty_shape = ops.concat([batch, ops.constant(np.array([heads, 0, size], np.int64))], 0)
    empty = ops.broadcast(ops.constant(np.float32(0)), empty_shape)
    past = ops.gather(op.read_value(empty, variable), inputs.beam_idx, np.int64(0))
    past.set_friendly_name(f"past_{kind}.{layer}")
    history = ops.concat([past, fresh], 2)
    history.set_friendly_name(f"present_{kind}.{layer}")
    return history.output(0), op.assign(history, variable)


def repeat_for_query_heads(history: ov.Output, heads: int) -> ov.Output:
    """Give every query head its key/value head: [B, K, T, D] -> [B, H, T, D]."""
    kv_heads = history.get_partial_shape()[1].get_length()
    size = history.get_partial_shape()[3].get_length()
    if heads == kv_heads:
        return history
    groups = np.array([1, 1, heads // kv_heads, 1, 1], np.int64)
    repeated = ops.broadcast(
        ops.unsqueeze(history, np.int64(2)), groups, broadcast_spec="BIDIRECTIONAL"
    )
    merged = ops.reshape(repeated, np.array([0, heads, -1, size], np.int64), True)
    return merged.output(0)
