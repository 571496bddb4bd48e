"""Turn the GGUF frontend's graph into a decoder that OpenVINO GenAI can run.

OpenVINO's GGUF frontend answers with the graph llama.cpp would build: one sequence, caches as
inputs and outputs, a ready-made attention mask. GenAI wants the shape that Hugging Face exports
have: token ids, a padding mask and positions in, logits out, keys and values kept in variables
with a free batch dimension. That one shape then serves continuous batching (which replaces the
attention by paged attention), the plain stateful pipeline, and the NPU pipeline (which makes
everything static). Each function below is one step of that rewrite.

Letters in the comments: B sequences, S new tokens, T all tokens so far, H heads, K key/value
heads, D size of a head, E width of the model, V vocabulary.
"""

import re
from dataclasses import dataclass

import numpy as np
import openvino as ov
from openvino import op
from openvino import opset15 as ops
from openvino.op.util import Variable, VariableInfo

from inference.catalog.gguf.errors import UnsupportedModel

_KNOWN_INPUTS = re.compile(
    r"inp_tokens|inp_pos|inp_kv_idx|inp_out_ids|self_kq_mask(_swa)?|token_len_per_seq|cache_[kv]_l\d+"
)
_CACHE_NAME = re.compile(r"cache_([kv])_l(\d+)")

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


def make_stateful_decoder(model: ov.Model) -> ov.Model:
    """Return the frontend's `model` as a stateful GenAI decoder.

    The nodes of `model` are reused and rewired, so the argument must not be used afterwards.
    Raises UnsupportedModel when the graph has states or attention of a kind that the serving
    engines cannot hold (recurrent layers, attention written out by hand).
    """
    old = {parameter.get_friendly_name(): parameter for parameter in model.get_parameters()}
    refuse_unknown_inputs(old)
    inputs = make_inputs()
    feed_token_ids(old["inp_tokens"], inputs.input_ids)
    feed_positions(old["inp_pos"], inputs.position_ids)
    keep_every_row(old.get("inp_out_ids"))
    model.add_parameters(inputs.as_list())
    model.validate_nodes_and_infer_types()  # from here on shapes have a free batch dimension
    masks = {"self_kq_mask": causal_mask(inputs, window=None)}
    if "self_kq_mask_swa" in old:
        masks["self_kq_mask_swa"] = causal_mask(inputs, window=window_size(model))
    sinks = make_caches_stateful(model, inputs, masks)
    logits = expose_logits(model)
    decoder = ov.Model([logits], sinks, inputs.as_list(), "decoder")
    decoder.validate_nodes_and_infer_types()
    return decoder


def window_size(model: ov.Model) -> int:
    """The number of tokens that windowed layers see, as the frontend notes it."""
    notes = model.get_rt_info()
    if "gguf_swa_window_size" not in notes:
        raise UnsupportedModel("This model's windowed layers do not say how far they see.")
    return int(notes["gguf_swa_window_size"].astype(int))


def refuse_unknown_inputs(parameters: dict[str, op.Parameter]) -> None:
    """Stop at graphs with inputs this rewrite does not know, such as recurrent states."""
    unknown = sorted(name for name in parameters if not _KNOWN_INPUTS.fullmatch(name))
    missing = sorted({"inp_tokens", "inp_pos", "self_kq_mask"} - parameters.keys())
    if unknown or missing:
        raise UnsupportedModel(
            "This model's architecture keeps states that the engines here cannot serve."
        )


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


def feed_token_ids(inp_tokens: op.Parameter, input_ids: op.Parameter) -> None:
    """Look embeddings up by [B, S] ids; the graph goes on with [B, 1, S, E].

    The frontend squeezes its [1, 1, 1, S] ids to [1, S] and puts the missing dimension back in
    front of the embeddings. With B sequences in front it belongs in second place.
    """
    for squeeze in _consumers(inp_tokens.output(0)):
        for gather in _consumers(squeeze.output(0)):
            for unsqueeze in _consumers(gather.output(0)):
                if unsqueeze.get_type_name() == "Unsqueeze":
                    _replace(unsqueeze, ops.unsqueeze(gather, np.int64(1)).output(0))
        _replace(squeeze, input_ids.output(0))


def feed_positions(inp_pos: op.Parameter, position_ids: op.Parameter) -> None:
    """Put [B, S] positions where the frontend had [1, 1, 1, S]."""
    positions = ops.convert(ops.unsqueeze(position_ids, np.array([1, 2])), "i32")
    _replace(inp_pos, positions.output(0))


def keep_every_row(inp_out_ids: op.Parameter | None) -> None:
    """Drop the choice of output rows: GenAI chooses them itself, just before the last MatMul.

    The frontend does Squeeze -> Gather(rows) -> Unsqueeze before the last layer's feed-forward
    part; each such chain is short-circuited.
    """
    if inp_out_ids is None:
        return
    for squeezed_rows in _consumers(inp_out_ids.output(0)):
        for gather in _consumers(squeezed_rows.output(0)):
            hidden = gather.input_value(0).get_node()
            hidden = hidden.input_value(0) if hidden.get_type_name() == "Squeeze" else None
            restored = _consumers(gather.output(0))
            if hidden is None or [node.get_type_name() for node in restored] != ["Unsqueeze"]:
                raise UnsupportedModel("This model selects its output rows in an unknown way.")
            _replace(restored[0], hidden)


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


def make_caches_stateful(
    model: ov.Model, inputs: DecoderInputs, masks: dict[str, ov.Output]
) -> list[ov.Node]:
    """Replace cache inputs by variables and each attention by one over the whole history.

    Returns the Assign nodes. Computes in f32 where the frontend went through f16: the plug-ins
    choose their own precision for the cache, and bf16 machines would otherwise convert twice.
    """
    histories: dict[str, ov.Output] = {}  # cache name -> [B, K, T, D]
    sinks: list[ov.Node] = []
    attentions = [
        node
        for node in model.get_ordered_ops()
        if node.get_type_name() == "ScaledDotProductAttention"
    ]
    if not attentions:
        raise UnsupportedModel("This model computes attention in a way the engines cannot serve.")
    for attention in attentions:
        query = _before_half_precision(attention.input_value(0))
        states = []
        for position in (1, 2):
            write = _cache_write(attention.input_value(position))
            name = write.input_value(0).get_node().get_friendly_name()
            if name not in histories:
                histories[name], sink = append_to_history(name, _new_rows(write), inputs)
                sinks.append(sink)
            states.append(repeat_for_query_heads(histories[name], query))
        mask = _named_mask(attention.input_value(3), masks)
        operands = [query, *states, mask]
        if attention.get_input_size() > 4:
            operands.append(_as_f32(attention.input_value(4)))
        if attention.get_input_size() > 5:
            raise UnsupportedModel("This model uses attention sinks, which are not supported yet.")
        fused = ops.scaled_dot_product_attention(*operands)
        fused.set_friendly_name(attention.get_friendly_name())
        _replace(attention, fused.output(0))
        _drop_conversion(fused)
    return sinks


def append_to_history(
    cache_name: str, rows: ov.Output, inputs: DecoderInputs
) -> tuple[ov.Output, ov.Node]:
    """Concatenate new `rows` [B, S, K, D] to the variable of `cache_name`.

    Returns the history [B, K, T, D] and the Assign that stores it. Variable names follow the
    Hugging Face exports, because the NPU pipeline parses them.
    """
    match = _CACHE_NAME.fullmatch(cache_name)
    if match is None:
        raise UnsupportedModel("This model's cache has an unknown layout.")
    kind, layer = {"k": "key", "v": "value"}[match[1]], match[2]
    shape = rows.get_partial_shape()
    heads, size = shape[2].get_length(), shape[3].get_length()
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
    fresh = ops.transpose(rows, np.array([0, 2, 1, 3]))
    history = ops.concat([past, fresh], 2)
    history.set_friendly_name(f"present_{kind}.{layer}")
    return history.output(0), op.assign(history, variable)


def repeat_for_query_heads(history: ov.Output, query: ov.Output) -> ov.Output:
    """Give every query head its key/value head: [B, K, T, D] -> [B, H, T, D]."""
    heads = query.get_partial_shape()[1].get_length()
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


def expose_logits(model: ov.Model) -> ov.Output:
    """Name the logits and make them [B, S, V], with the head's MatMul fed by [B, S, E].

    GenAI cuts all but the last token off in front of that MatMul, and looks for three dimensions.
    """
    results = {result.get_friendly_name(): result for result in model.get_results()}
    if "result_output" not in results:
        raise UnsupportedModel("This model has no output layer that can be recognised.")
    logits = results["result_output"].input_value(0)
    head = logits.get_node()
    while head.get_type_name() not in ("MatMul", "Parameter", "Constant"):
        head = head.input_value(0).get_node()
    if head.get_type_name() != "MatMul":
        raise UnsupportedModel("This model has no output layer that can be recognised.")
    hidden = ops.squeeze(head.input_value(0), np.array([1]))
    head.input(0).replace_source_output(hidden.output(0))
    result = op.Result(logits)
    result.set_friendly_name("logits")
    logits.get_tensor().set_names({"logits"})
    return result.output(0)


def _consumers(output: ov.Output) -> list[ov.Node]:
    return [target.get_node() for target in output.get_target_inputs()]


def _replace(old: ov.Node, new: ov.Output) -> None:
    """Let everything that reads `old` read `new` instead."""
    for target in old.output(0).get_target_inputs():
        target.replace_source_output(new)


def _as_f32(value: ov.Output) -> ov.Output:
    if value.get_element_type() == ov.Type.f32:
        return value
    node = value.get_node()
    if node.get_type_name() == "Constant":
        return op.Constant(np.array(node.data, np.float32)).output(0)
    return ops.convert(value, "f32").output(0)


def _before_half_precision(query: ov.Output) -> ov.Output:
    """The query [B, H, S, D] before the frontend's conversion to f16."""
    transpose = query.get_node()
    source = transpose.input_value(0).get_node()
    if transpose.get_type_name() == "Transpose" and source.get_type_name() == "Convert":
        return ops.transpose(source.input_value(0), transpose.input_value(1)).output(0)
    return _as_f32(query)


def _cache_write(value: ov.Output) -> ov.Node:
    """Walk from an attention's key or value back to the ScatterUpdate that fills its cache."""
    node = value.get_node()
    while node.get_type_name() in ("Transpose", "Reshape", "Broadcast", "Unsqueeze", "Convert"):
        node = node.input_value(0).get_node()
    if node.get_type_name() != "ScatterUpdate":
        raise UnsupportedModel("This model's attention reads something other than its cache.")
    return node


def _new_rows(write: ov.Node) -> ov.Output:
    """What a ScatterUpdate writes, as f32 [B, S, K, D] before flattening."""
    value = write.input_value(2)
    while value.get_node().get_type_name() in ("Reshape", "Convert"):
        source = value.get_node().input_value(0)
        shape = value.get_partial_shape()
        if value.get_node().get_type_name() == "Reshape" and _is_rows(shape):
            break
        value = source
    if not _is_rows(value.get_partial_shape()):
        raise UnsupportedModel("This model's cache has an unknown layout.")
    return _as_f32(value)


def _is_rows(shape: ov.PartialShape) -> bool:
    """Whether a shape is [B, S, K, D] with S free and a known number and size of heads."""
    if shape.rank.is_dynamic or shape.rank.get_length() != 4:
        return False
    return bool(shape[1].is_dynamic and shape[2].is_static and shape[3].is_static)


def _named_mask(value: ov.Output, masks: dict[str, ov.Output]) -> ov.Output:
    """Our replacement for the mask parameter that `value` comes from."""
    node = value.get_node()
    while node.get_type_name() != "Parameter":
        if node.get_input_size() == 0:
            raise UnsupportedModel("This model's attention mask has an unknown form.")
        node = node.input_value(0).get_node()
    try:
        return masks[node.get_friendly_name()]
    except KeyError:
        raise UnsupportedModel("This model's attention mask has an unknown form.") from None


def _drop_conversion(attention: ov.Node) -> None:
    """Remove the way back from f16 behind an attention that is f32 already."""
    for transpose in _consumers(attention.output(0)):
        for convert in _consumers(transpose.output(0)):
            if convert.get_type_name() == "Convert":
                _replace(convert, transpose.output(0))
