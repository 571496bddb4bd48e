"""What lies in the import folder is shown with what speaks against importing it."""

from __future__ import annotations

import json
from pathlib import Path

from inference.catalog.importable import list_importable


def test_each_thing_is_shown_with_its_obstacle(tmp_path: Path, tiny: Path) -> None:
    (tmp_path / "Tiny Model.gguf").write_bytes(tiny.read_bytes())
    (tmp_path / "cut.gguf").write_bytes(tiny.read_bytes()[:-100])
    mixture = tiny.read_bytes().replace(b"\x05\0\0\0\0\0\0\0llama", b"\x05\0\0\0\0\0\0\0mamba")
    (tmp_path / "mamba.gguf").write_bytes(mixture)
    (tmp_path / "broken.gguf").write_bytes(b"html")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / ".hidden").write_text("x")
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "openvino_model.xml").write_text("<net/>")
    whole = tmp_path / "whole"
    whole.mkdir()
    for name in ("openvino_model", "openvino_tokenizer", "openvino_detokenizer"):
        (whole / f"{name}.xml").write_text("<net/>")
    (whole / "openvino_model.bin").write_bytes(b"1234")
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}
    (whole / "config.json").write_text(json.dumps(config))

    found = {item.place: item for item in list_importable(tmp_path)}

    assert set(found) == {
        "Tiny Model.gguf", "broken.gguf", "cut.gguf", "half", "mamba.gguf", "notes.txt", "whole"
    }  # fmt: skip
    gguf = found["Tiny Model.gguf"]
    assert (gguf.model, gguf.kind, gguf.obstacle) == ("tiny-model:latest", "gguf", "")
    assert gguf.size_bytes == tiny.stat().st_size
    assert (found["whole"].kind, found["whole"].obstacle) == ("openvino", "")
    assert "not a GGUF file" in found["broken.gguf"].obstacle
    assert "truncated" in found["cut.gguf"].obstacle
    assert "keep recurrent states" in found["mamba.gguf"].obstacle
    assert "openvino_model.bin" in found["half"].obstacle
    assert found["notes.txt"].obstacle
    assert list_importable(tmp_path / "nowhere") == ()


def test_a_whisper_folder_is_not_offered(tmp_path: Path) -> None:
    folder = tmp_path / "whisper"
    folder.mkdir()
    for name in ("openvino_model", "openvino_tokenizer", "openvino_detokenizer"):
        (folder / f"{name}.xml").write_text("<net/>")
    (folder / "openvino_model.bin").write_bytes(b"1234")
    config = {"architectures": ["WhisperForConditionalGeneration"]}
    (folder / "config.json").write_text(json.dumps(config))
    (place,) = list_importable(tmp_path)
    assert place.model == "whisper:latest"
    assert "is a speech model; there is no runtime for those yet" in place.obstacle
