"""Imports as a child process makes them, and the engines that run what it made."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import openvino_genai
from numpy.typing import NDArray

EXACT = {
    "INFERENCE_PRECISION_HINT": "f32",
    "KV_CACHE_PRECISION": "f16",
    "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0,
}
NPU = {
    "NPUW_DEVICES": "CPU",
    "NPUW_ONLINE_PIPELINE": "NONE",
    "MAX_PROMPT_LEN": 128,
    "MIN_RESPONSE_LEN": 64,
}


def run_import(source: Path, target: Path, *options: str) -> tuple[int, list[dict[str, Any]]]:
    """Run the child process; its exit code and its JSON lines."""
    command = [sys.executable, "-m", "inference.catalog.gguf", str(source), str(target), *options]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    return ended.returncode, [json.loads(line) for line in ended.stdout.splitlines()]


def read_once(
    decoder: Any, texts: list[list[int]], config: dict[str, Any]
) -> list[NDArray[np.float32]]:
    """Logits [S, V] of each text of ids, in one pass over it on the CPU."""
    compiled = ov.Core().compile_model(decoder, "CPU", config)
    read = []
    for ids in texts:
        tokens = np.array([ids], np.int64)
        answer = compiled.create_infer_request().infer(
            {
                "input_ids": tokens,
                "attention_mask": np.ones_like(tokens),
                "position_ids": np.arange(len(ids))[None],
                "beam_idx": np.zeros(1, np.int32),
            }
        )
        read.append(np.array(answer[0][0]))
    return read


def greedy(count: int) -> openvino_genai.GenerationConfig:
    config = openvino_genai.GenerationConfig()
    config.max_new_tokens, config.do_sample, config.ignore_eos = count, False, True
    return config


def generate_in_batch(
    folder: Path, prompts: list[list[int]], count: int, **properties: Any
) -> list[list[int]]:
    """Continue all prompts at once by continuous batching with a prefix cache."""
    scheduler = openvino_genai.SchedulerConfig()
    scheduler.enable_prefix_caching, scheduler.cache_size = True, 1
    pipeline = openvino_genai.ContinuousBatchingPipeline(str(folder), scheduler, "CPU", properties)
    handles = [
        pipeline.add_request(i, ov.Tensor(np.array([prompt], np.int64)), greedy(count))
        for i, prompt in enumerate(prompts)
    ]
    texts: list[list[int]] = [[] for _ in prompts]
    while pipeline.has_non_finished_requests():
        pipeline.step()
        for text, handle in zip(texts, handles, strict=True):
            while handle.can_read():
                text += next(iter(handle.read().values())).generated_ids
    return texts


def generate_alone(
    folder: Path, device: str, prompts: list[list[int]], count: int, **properties: Any
) -> list[list[int]]:
    """Continue the prompts one after the other by the plain pipeline."""
    pipeline = openvino_genai.LLMPipeline(str(folder), device, **properties)
    return [
        pipeline.generate(ov.Tensor(np.array([prompt], np.int64)), greedy(count)).tokens[0]
        for prompt in prompts
    ]
