"""The fit planner's decisions, as tables: configs of real families, numbers worked out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from inference.catalog.errors import PullFailed
from inference.catalog.fit.description import Description, ListedFile, describe_path
from inference.catalog.fit.kinds import Kind, kind_of, refusal_of
from inference.catalog.fit.memory import engine_bytes, kv_bytes_per_token
from inference.catalog.fit.nearest import nearest_for_npu
from inference.catalog.fit.planner import Machine, check_before_pull, plan_fit
from inference.catalog.fit.shape import ModelShape, shape_of
from inference.catalog.fit.verdicts import Answer, Room, static_prompt
from inference.catalog.fit.weights import Format, read_weights
from inference.catalog.manifest import Installed
from inference.residency.spec import PROCESS_BYTES, lengths
from inference.snapshot import RoutingInfo
from tests.inference.small_picture import MODEL, NPU, picture

GIGABYTE = 10**9

QWEN25_7B = {
    "architectures": ["Qwen2ForCausalLM"],
    "model_type": "qwen2",
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "max_position_embeddings": 32768,
    "sliding_window": 131072,
    "use_sliding_window": False,
    "tie_word_embeddings": False,
    "vocab_size": 152064,
}
QWEN3_4B = {
    "architectures": ["Qwen3ForCausalLM"],
    "model_type": "qwen3",
    "hidden_size": 2560,
    "intermediate_size": 9728,
    "num_hidden_layers": 36,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "max_position_embeddings": 40960,
    "tie_word_embeddings": True,
    "vocab_size": 151936,
}
LLAMA32_3B = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 3072,
    "intermediate_size": 8192,
    "num_hidden_layers": 28,
    "num_attention_heads": 24,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "max_position_embeddings": 131072,
    "tie_word_embeddings": True,
    "vocab_size": 128256,
}
GEMMA3_1B = {
    "architectures": ["Gemma3ForCausalLM"],
    "model_type": "gemma3_text",
    "hidden_size": 1152,
    "intermediate_size": 6912,
    "num_hidden_layers": 26,
    "num_attention_heads": 4,
    "num_key_value_heads": 1,
    "head_dim": 256,
    "sliding_window": 512,
    "max_position_embeddings": 32768,
    "tie_word_embeddings": True,
    "vocab_size": 262144,
}
GEMMA3_4B = {
    "architectures": ["Gemma3ForConditionalGeneration"],
    "model_type": "gemma3",
    "text_config": {
        "hidden_size": 2560,
        "num_hidden_layers": 34,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "model_type": "gemma3_text",
    },
    "vision_config": {"hidden_size": 1152},
}
PHI3_MINI = {
    "architectures": ["Phi3ForCausalLM"],
    "model_type": "phi3",
    "hidden_size": 3072,
    "intermediate_size": 8192,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 32,
    "max_position_embeddings": 4096,
    "sliding_window": 2047,
    "tie_word_embeddings": False,
    "vocab_size": 32064,
}
MISTRAL_7B = {
    "architectures": ["MistralForCausalLM"],
    "model_type": "mistral",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "max_position_embeddings": 32768,
    "sliding_window": None,
    "tie_word_embeddings": False,
    "vocab_size": 32768,
}
QWEN3_30B_A3B = {
    "architectures": ["Qwen3MoeForCausalLM"],
    "model_type": "qwen3_moe",
    "hidden_size": 2048,
    "intermediate_size": 6144,
    "moe_intermediate_size": 768,
    "num_experts": 128,
    "num_hidden_layers": 48,
    "num_attention_heads": 32,
    "num_key_value_heads": 4,
    "head_dim": 128,
    "max_position_embeddings": 40960,
    "vocab_size": 151936,
}
MINILM = {
    "architectures": ["BertModel"],
    "model_type": "bert",
    "hidden_size": 384,
    "intermediate_size": 1536,
    "num_hidden_layers": 6,
    "num_attention_heads": 12,
    "max_position_embeddings": 512,
    "vocab_size": 30522,
}


def known(config: dict[str, Any]) -> ModelShape:
    shape = shape_of(config)
    assert shape is not None
    return shape


# Per token: 2 (key, value) x layers x KV heads x head size numbers, of two bytes on an NPU.
@pytest.mark.parametrize(
    ("config", "on_npu", "billions"),
    [
        (QWEN25_7B, 2 * 2 * 28 * 4 * 128, 7.6),  # 57,344; 3584 / 28 heads = 128
        (QWEN3_4B, 2 * 2 * 36 * 8 * 128, 4.0),  # 147,456; head_dim is not 2560 / 32
        (LLAMA32_3B, 2 * 2 * 28 * 8 * 128, 3.2),  # 114,688
        (GEMMA3_1B, 2 * 2 * 26 * 1 * 256, 1.0),  # 26,624; windowed layers keep all they saw
        (PHI3_MINI, 2 * 2 * 32 * 32 * 96, 3.8),  # 393,216; no grouping of heads
        (MISTRAL_7B, 2 * 2 * 32 * 8 * 128, 7.2),  # 131,072
        (QWEN3_30B_A3B, 2 * 2 * 48 * 4 * 128, 30.5),  # 98,304; experts have no cache
    ],
)
def test_what_a_token_costs_on_an_npu_and_how_large_the_model_is(
    config: dict[str, Any], on_npu: int, billions: float
) -> None:
    shape = known(config)

    assert kv_bytes_per_token(shape, "NPU") == on_npu
    assert shape.parameters / 1e9 == pytest.approx(billions, rel=0.05)


def test_a_window_that_is_switched_off_is_none_and_an_encoder_has_no_cache() -> None:
    assert (known(QWEN25_7B).sliding_window, known(PHI3_MINI).sliding_window) == (0, 2047)
    assert known(QWEN3_30B_A3B).experts == 128
    assert kv_bytes_per_token(known(MINILM), "CPU") == 0
    assert shape_of({"architectures": ["LlamaForCausalLM"], "hidden_size": "many"}) is None


def test_the_starters_cache_costs_what_was_measured(installed: Installed) -> None:
    found = describe_path(installed.folder)
    shape = known(dict(found.config))

    # 2^30 bytes held 2,452 blocks of 32 tokens: one block more would not have fitted.
    each = kv_bytes_per_token(shape, "CPU")
    assert each == 30 * 3 * ((64 + 16) + (64 + 8)) == 13_680
    assert 2**30 // (32 * each) == 2452
    assert kv_bytes_per_token(shape, "NPU") == 23_040
    assert kv_bytes_per_token(shape, "CPU", "f32") == 46_080


def test_the_starters_files_are_what_an_engine_loads(installed: Installed) -> None:
    found = describe_path(installed.folder)

    weights = read_weights(found, Kind.TEXT, known(dict(found.config)))

    graph = installed.folder / "openvino_model.bin"
    assert (weights.format, weights.loaded_bytes) == (Format.OPENVINO, graph.stat().st_size)
    assert weights.recipe.words == "int8 symmetric, channel-wise"


def test_a_gguf_file_tells_its_shape_before_it_is_imported(starter: Path) -> None:
    fit = plan_fit(describe_path(starter), Machine((Room("CPU", 8 * GIGABYTE),), 10**12))

    assert fit.shape is not None
    assert (fit.shape.layers, fit.shape.kv_heads, fit.shape.context) == (30, 3, 8192)
    # Under a billion weights it becomes int8: a byte for each of its 134,515,008.
    assert fit.weights.loaded_bytes == 134_515_008
    assert fit.verdicts[0].answer is Answer.FITS
    assert fit.disk_needed_bytes == 4 * 98_362_432


@pytest.mark.parametrize(
    ("config", "name", "kind", "words"),
    [
        (QWEN3_4B, "Qwen/Qwen3-4B", Kind.TEXT, ""),
        (QWEN3_4B, "Qwen/Qwen3-Reranker-4B", Kind.RERANKER, "reranker"),
        (GEMMA3_4B, "x", Kind.VISION, "vision-language"),
        ({"architectures": ["Qwen2_5_VLForConditionalGeneration"]}, "x", Kind.VISION, "vision"),
        ({"architectures": ["Phi3VForCausalLM"], "img_processor": {}}, "x", Kind.VISION, "vision"),
        ({"architectures": ["WhisperForConditionalGeneration"]}, "x", Kind.SPEECH, "speech"),
        ({"architectures": ["BertForSequenceClassification"]}, "x", Kind.RERANKER, "reranker"),
        ({"architectures": ["T5ForConditionalGeneration"]}, "x", Kind.OTHER, "only text"),
        (MINILM, "x", Kind.ENCODER, ""),
        ({}, "x", Kind.UNKNOWN, ""),
    ],
)
def test_kinds_are_recognised_and_those_without_a_runtime_refused(
    config: dict[str, Any], name: str, kind: Kind, words: str
) -> None:
    assert kind_of(config, name) is kind
    assert words in refusal_of(config, name)
    assert bool(words) == bool(refusal_of(config, name))


def exported(config: dict[str, Any], gigabytes: float, name: str = "x-int4-cw-ov") -> Description:
    files = (ListedFile("openvino_model.bin", int(gigabytes * GIGABYTE)),)
    return Description(name, files, {"config.json": config})


def test_an_export_needs_little_more_disk_than_its_files() -> None:
    fit = plan_fit(exported(QWEN3_4B, 2.0), Machine((), 2_200_000_000))

    assert fit.disk_needed_bytes == 2_100_000_000
    assert fit.has_disk


# Weights x 1.25 + 0.27 GB for the process, and the cache beside it.
@pytest.mark.parametrize(
    ("room", "description", "answer", "words", "tokens"),
    [
        # 1.25 x 2.3 + 0.27 = 3.14 GB, 147,456 x (2 x 2,048 + 512) = 0.68 GB: 3.8 of 8 GB.
        (Room("NPU", 8 * GIGABYTE), exported(QWEN3_4B, 2.3), Answer.FITS, "3.8 GB", 2559),
        # Of 3.6 GB 0.456 are left: 3,091 tokens; (3,091 - 512) / 2 = 1,289, so 1,280.
        (
            Room("NPU", 3_600_000_000),
            exported(QWEN3_4B, 2.3),
            Answer.LIMITED,
            "to 1,280",
            1280 + 511,
        ),
        (Room("NPU", 3 * GIGABYTE), exported(QWEN3_4B, 2.3), Answer.NOT, "weights alone", 0),
        (
            Room("NPU", 8 * GIGABYTE),
            exported(QWEN3_4B, 2.3, "x-int4-ov"),
            Answer.NOT,
            "asymmetric",
            0,
        ),
        # The emulated NPU is the CPU's compiler, which takes every recipe.
        (
            Room("NPU", 8 * GIGABYTE, emulated=True),
            exported(QWEN3_4B, 2.3, "x-int4-ov"),
            Answer.FITS,
            "static shapes",
            2559,
        ),
        # 26 x 1 x ((256 + 64) + (256 + 8)) = 15,184 bytes: all 32,768 tokens are 0.5 GB.
        (Room("CPU", 8 * GIGABYTE), exported(GEMMA3_1B, 0.7), Answer.FITS, "15,184", 32768),
        # 28 x 8 x ((128 + 32) + (128 + 8)) = 66,304 bytes: 2^31 of them hold 32,388 tokens.
        (Room("CPU", 16 * GIGABYTE), exported(LLAMA32_3B, 1.8), Answer.LIMITED, "32,388", 32388),
        # 28 x 4 x 2 x 132 = 29,568 bytes on a GPU.
        (Room("GPU.1", 16 * GIGABYTE), exported(QWEN25_7B, 4.5), Answer.FITS, "29,568", 32768),
        (Room("CPU", 8 * GIGABYTE), exported(GEMMA3_4B, 2.0), Answer.NOT, "vision-language", 0),
        (Room("CPU", 8 * GIGABYTE), exported({}, 2.0), Answer.UNKNOWN, "nothing tells", 0),
    ],
)
def test_verdicts(
    room: Room, description: Description, answer: Answer, words: str, tokens: int
) -> None:
    (verdict,) = plan_fit(description, Machine((room,), 10**12)).verdicts

    assert (verdict.answer, verdict.tokens) == (answer, tokens), verdict.reason
    assert words in verdict.reason


def test_a_model_that_is_not_converted_yet_fits_only_after_that() -> None:
    files = (ListedFile("model.safetensors", 8 * GIGABYTE),)
    found = Description("Qwen/Qwen3-4B", files, {"config.json": QWEN3_4B})

    fit = plan_fit(found, Machine((Room("CPU", 8 * GIGABYTE),), 10**12))

    assert fit.verdicts[0].answer is Answer.LIMITED
    assert "after its conversion to int4 (about 2.4 GB)" in fit.verdicts[0].reason


def test_static_lengths_are_those_of_the_engines() -> None:
    for context in (1024, 2048, 4096, 131072):
        for limit in (100, 1800, 2049):
            one = picture(Path(), context_length=context).models[MODEL]
            longest, _ = lengths(one, NPU, RoutingInfo(token_limit=limit))
            room = Room("NPU", GIGABYTE, max_prompt_len=4096, token_limit=limit)
            assert static_prompt(room, context) == longest
    assert engine_bytes(1000) == 1250 + PROCESS_BYTES


@pytest.mark.parametrize(
    ("repository", "candidates", "on_hub", "nearest"),
    [
        ("OpenVINO/Qwen3-4B-int4-ov", (), None, "OpenVINO/Qwen3-4B-int4-cw-ov"),
        ("OpenVINO/Qwen3-4B-int4-ov", (), False, ""),
        ("Qwen/Qwen3-4B", (), True, "OpenVINO/Qwen3-4B-int4-cw-ov"),
        ("Qwen/Qwen3-4B", (), None, ""),
        ("someone/Qwen3-4B-GGUF", (), True, "OpenVINO/Qwen3-4B-int4-cw-ov"),
        ("Qwen/Qwen3-4B", ("a/Phi-int4-cw-ov", "a/Qwen3-4B-int4-cw-ov"), None,
         "a/Qwen3-4B-int4-cw-ov"),
        ("OpenVINO/Qwen3-4B-int4-cw-ov", (), True, ""),
    ],
)  # fmt: skip
def test_the_nearest_export_for_an_npu(
    repository: str, candidates: tuple[str, ...], on_hub: bool | None, nearest: str
) -> None:
    assert nearest_for_npu(repository, candidates, lambda _: on_hub) == nearest


def test_only_what_certainly_runs_nowhere_is_refused_before_its_pull() -> None:
    absent_npu = Room("NPU", 64 * GIGABYTE, is_present=False)
    small, large = Room("CPU", 2 * GIGABYTE), Room("CPU", 64 * GIGABYTE)

    with pytest.raises(PullFailed, match="can run nowhere here: its weights alone need") as caught:
        check_before_pull(plan_fit(exported(MISTRAL_7B, 4.0), Machine((absent_npu, small), 10**12)))
    assert not caught.value.retry

    warning = check_before_pull(
        plan_fit(exported(MISTRAL_7B, 4.0), Machine((absent_npu, large), 10**12))
    )
    assert warning.startswith("CPU: fits with limits, context up to")
    assert check_before_pull(plan_fit(exported(GEMMA3_1B, 0.7), Machine((large,), 10**12))) == ""
