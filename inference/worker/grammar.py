"""Grammars are proved good, and compiled, before they reach the batch.

A grammar that does not compile is accepted by the batching pipeline and then raises inside the step
of every request. So each one is first tried on a pipeline with no weights that
shares the tokenizer, and with it the cache of compiled grammars; its `generate` releases the
interpreter lock, so running streams go on.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import openvino_genai as genai
from openvino import opset13 as ops

from inference.worker.protocol import EngineRequest
from inference.worker.reasons import readable
from inference.worker.sampling import build_config


class GrammarChecker:
    """Made cheap; the little pipeline is built with the first grammar (about 0.3 s, off the
    loop)."""

    def __init__(self, tokenizer: genai.Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._pipeline: genai.LLMPipeline | None = None
        self._one_at_a_time = asyncio.Lock()
        self._good: set[tuple[str, str]] = set()

    async def find_problem(self, kind: str, text: str) -> str:
        """Why this grammar cannot be used, or "". Takes 2 ms to a second; never blocks the loop."""
        if (kind, text) in self._good:
            return ""
        async with self._one_at_a_time:
            problem = await asyncio.to_thread(self._try, kind, text)
        if not problem:
            self._good.add((kind, text))
        return problem

    def _try(self, kind: str, text: str) -> str:
        request = EngineRequest(0, [0], max_new_tokens=1, temperature=0, grammar=(kind, text))
        try:
            if self._pipeline is None:
                self._pipeline = _weightless_pipeline(self._tokenizer)
            config = build_config(self._pipeline.get_generation_config(), request)
            ids = ov.Tensor(np.zeros((1, 1), dtype=np.int64))
            self._pipeline.generate(ids, config)
        except RuntimeError as error:
            return readable(error)
        return ""


def _weightless_pipeline(tokenizer: genai.Tokenizer) -> genai.LLMPipeline:
    """A language model without weights: every token's logit is 0 at every position."""
    with tempfile.TemporaryDirectory(prefix="npuconsole-grammar-") as folder:
        ov.save_model(
            _weightless_model(len(tokenizer.get_vocab())), Path(folder, "openvino_model.xml")
        )
        Path(folder, "config.json").write_text('{"model_type": "llama"}', encoding="utf-8")
        properties: dict[str, Any] = {"ATTENTION_BACKEND": "SDPA", "INFERENCE_NUM_THREADS": 1}
        return genai.LLMPipeline(folder, tokenizer, "CPU", **properties)


def _weightless_model(vocabulary: int) -> ov.Model:
    """input_ids [B,S] -> logits [B,S,V] of zeros, with one state so that it counts as stateful."""
    ids = ops.parameter([-1, -1], np.int64, name="input_ids")
    mask = ops.parameter([-1, -1], np.int64, name="attention_mask")
    positions = ops.parameter([-1, -1], np.int64, name="position_ids")
    beam = ops.parameter([-1], np.int32, name="beam_idx")
    for node, name in ((ids, "input_ids"), (mask, "attention_mask"), (positions, "position_ids")):
        node.output(0).set_names({name})
    beam.output(0).set_names({"beam_idx"})
    shape = ops.shape_of(ids, output_type="i64")
    batch = ops.gather(shape, ops.constant(np.array([0])), ops.constant(0))
    info = ov.op.util.VariableInfo()
    info.data_shape = ov.PartialShape([-1, 1, -1, 1])
    info.data_type = ov.Type.f32
    info.variable_id = "past_key_values.0.keypresent.0.key"
    variable = ov.op.util.Variable(info)
    empty = ops.broadcast(
        ops.constant(np.float32(0)),
        ops.concat([batch, ops.constant(np.array([1, 0, 1]))], 0),
    )
    past = ops.gather(ops.read_value(empty, variable), beam, ops.constant(0))
    new = ops.unsqueeze(ops.convert(ops.unsqueeze(ids, ops.constant(1)), "f32"), ops.constant(3))
    present = ops.concat([past, new], 2)
    keep = ops.assign(present, variable)
    length = ops.reduce_sum(
        ops.convert(mask, "f32"), ops.constant(np.array([0, 1])), keep_dims=False
    )
    seen = ops.add(
        ops.add(ops.reduce_sum(present, ops.constant(np.array([0, 1, 2, 3]))), length),
        ops.reduce_sum(ops.convert(positions, "f32"), ops.constant(np.array([0, 1]))),
    )
    zero = ops.multiply(seen, ops.constant(np.float32(0)))
    logits = ops.broadcast(zero, ops.concat([shape, ops.constant(np.array([vocabulary]))], 0))
    logits.output(0).set_names({"logits"})
    return ov.Model([ops.result(logits)], [keep], [ids, mask, positions, beam], "weightless")
