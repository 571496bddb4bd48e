"""Importing GGUF files: tiny models against numpy, and files that are damaged."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.catalog.gguf.errors import GgufError
from inference.catalog.gguf.importing import build_decoder_of, import_gguf
from inference.catalog.gguf.metadata import read_metadata
from tests.catalog.gguf_engines import EXACT, NPU, generate_alone, generate_in_batch, run_import
from tests.catalog.tiny_gguf import TinyModel, tiny_decoder, write_gguf
from tests.catalog.tiny_reference import reference_logits


def test_a_small_model_gets_int8_when_nothing_is_asked_for(tmp_path: Path) -> None:
    source = write_gguf(tmp_path / "tiny.GGUF", tiny_decoder("llama"))

    code, lines = run_import(source, tmp_path / "target")

    assert code == 0
    assert lines[-1]["done"] is True
    assert lines[-1]["facts"]["weight_format"] == "int8"
    fractions = [line["fraction"] for line in lines[:-1]]
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] <= fractions[-1] <= 1


# --- other architectures -----------------------------------------------------------------------


def test_sequences_keep_their_own_past(tmp_path: Path) -> None:
    model = tiny_decoder("gemma3")
    ids = np.random.default_rng(0).integers(0, 256, (2, 20))
    source = write_gguf(tmp_path / "tiny.gguf", model)
    decoder = build_decoder_of(source, read_metadata(source), lambda step, fraction: None)
    request = ov.Core().compile_model(decoder, "CPU", EXACT).create_infer_request()

    for begin, end in ((0, 13), (13, 14), (14, 20)):
        answer = request.infer(
            {
                "input_ids": ids[:, begin:end],
                "attention_mask": np.ones((2, end), np.int64),
                "position_ids": np.tile(np.arange(begin, end), (2, 1)),
                "beam_idx": np.arange(2, dtype=np.int32),
            }
        )
        logits = np.array(answer[0])
        for row in range(2):
            expected = reference_logits(model, ids[row, :end])[begin:]
            assert np.abs(logits[row] - expected).max() < 0.01


@pytest.mark.parametrize("architecture", ["gemma3", "qwen3"])
def test_every_engine_sees_what_the_architecture_sees(architecture: str, tmp_path: Path) -> None:
    model = tiny_decoder(architecture)
    prompt = np.random.default_rng(0).integers(0, 256, 40).tolist()
    expected: list[int] = []
    for _ in range(12):
        logits = reference_logits(model, np.array(prompt + expected))
        expected.append(int(logits[-1].argmax()))
    folder = tmp_path / "imported"
    source = write_gguf(tmp_path / "tiny.gguf", model)
    import_gguf(source, folder, "file", lambda step, fraction: None)

    assert generate_in_batch(folder, [prompt], 12, **EXACT) == [expected]
    assert generate_alone(folder, "NPU", [prompt], 12, **NPU) == [expected]


# --- bad files ---------------------------------------------------------------------------------


def _huge_count(data: bytes) -> bytes:
    return data[:8] + struct.pack("<Q", 2**60) + data[16:]


def _huge_text(data: bytes) -> bytes:
    return data[:24] + struct.pack("<Q", 2**63) + data[32:]


@pytest.mark.parametrize(
    ("spoil", "retry"),
    [
        (lambda data: b"", True),
        (lambda data: b"GGUF", True),
        (lambda data: b"<!doctype html>" * 100, True),
        (lambda data: data[:300], True),
        (lambda data: data[: len(data) // 2], True),
        (lambda data: data[:-100], True),
        (_huge_count, True),
        (_huge_text, True),
        (lambda data: data.replace(b"llama", b"nopex"), False),
        (lambda data: data.replace(b"\x05\0\0\0\0\0\0\0qwen2", b"\x05\0\0\0\0\0\0\0other"), False),
    ],
    ids=["empty", "magic", "html", "header", "half", "tail", "count", "text", "arch", "words"],
)
def test_a_bad_file_is_a_clean_error_and_leaves_nothing(
    spoil: Callable[[bytes], bytes], retry: bool, tmp_path: Path
) -> None:
    source = write_gguf(tmp_path / "tiny.gguf", tiny_decoder("llama"))
    source.write_bytes(spoil(source.read_bytes()))

    code, lines = run_import(source, tmp_path / "models" / "target")

    assert code == 1
    assert lines[-1]["retry"] is retry
    assert str(tmp_path) not in lines[-1]["error"]
    assert "Traceback" not in lines[-1]["error"]
    assert not (tmp_path / "models").exists() or not list((tmp_path / "models").iterdir())


def test_a_target_that_exists_is_not_touched(tmp_path: Path) -> None:
    source = write_gguf(tmp_path / "tiny.gguf", tiny_decoder("llama"))
    target = tmp_path / "target"
    target.mkdir()
    (target / "mine").write_text("mine")

    code, lines = run_import(source, target)

    assert (code, lines[-1]["retry"]) == (1, False)
    assert [path.name for path in target.iterdir()] == ["mine"]


@settings(max_examples=200)
@given(st.data())
def test_a_header_of_noise_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    model = TinyModel("llama", {"general.architecture": "llama", "a": [1, 2], "b": ["x"]})
    path = tmp_path_factory.getbasetemp() / "noise.gguf"
    whole = write_gguf(path, model).read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    noise = data.draw(st.binary(max_size=16))
    path.write_bytes(whole[:at] + noise + whole[at + len(noise) :])

    with contextlib.suppress(GgufError):
        read_metadata(path)
