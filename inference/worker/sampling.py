"""Our request in the engine's words: every parameter a client may set reaches the
GenerationConfig."""

from __future__ import annotations

import openvino_genai as genai

from inference.worker.protocol import EngineRequest
from inference.worker.structures import structure_of


def build_config(base: genai.GenerationConfig, request: EngineRequest) -> genai.GenerationConfig:
    """The engine's configuration for one request.

    `base` is the pipeline's own copy: it brings the model's end-of-sequence ids. Temperature 0
    means greedy, which the engine wants said as do_sample False. Stop strings stay with the worker
    (`stopping.py`). Raises RuntimeError from the engine's own validation.
    """
    config = base
    config.max_new_tokens = request.max_new_tokens
    config.ignore_eos = request.ignore_eos
    config.apply_chat_template = False
    config.do_sample = request.temperature > 0
    if config.do_sample:
        config.temperature = request.temperature
        config.top_p = request.top_p
        config.top_k = request.top_k
        config.min_p = request.min_p
        config.rng_seed = request.seed
    config.repetition_penalty = request.repetition_penalty
    config.presence_penalty = request.presence_penalty
    config.frequency_penalty = request.frequency_penalty
    if request.grammar is not None:
        config.structured_output_config = structure_of(*request.grammar)
    if request.wants_logprobs:
        config.logprobs = 1
    config.validate()
    return config
