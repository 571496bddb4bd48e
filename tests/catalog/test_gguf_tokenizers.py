"""Both tokenizers that are made of a GGUF file cut texts as llama.cpp does."""

from __future__ import annotations

import json
from pathlib import Path

import openvino as ov
import openvino_genai
import pytest
from tokenizers import Tokenizer

from inference.catalog.gguf.importing import import_gguf
from inference.catalog.gguf.metadata import read_metadata
from inference.catalog.gguf.tokenizer import build_tokenizer
from inference.catalog.gguf.tokenizer_models import build_tokenizer_models
from tests.catalog.gguf_reference.vocabularies import (
    TEXTS,
    Vocabulary,
    vocabularies,
    write_vocabulary,
)
from tests.catalog.tiny_gguf import byte_tokenizer, tiny_decoder, write_gguf

IDS = json.loads((Path(__file__).parent / "gguf_reference" / "ids.json").read_text())
VOCABULARIES = vocabularies()


@pytest.mark.parametrize("vocabulary", VOCABULARIES, ids=lambda vocabulary: vocabulary.name)
def test_texts_are_cut_as_llama_cpp_cuts_them(vocabulary: Vocabulary, tmp_path: Path) -> None:
    assert IDS[vocabulary.name]["hash"] == vocabulary.hash, "make the answers anew"
    source = write_vocabulary(tmp_path / "model.gguf", vocabulary)
    tokenizer = build_tokenizer(read_metadata(source))
    server = Tokenizer.from_str(json.dumps(tokenizer.description))
    names = ("openvino_tokenizer.xml", "openvino_detokenizer.xml")
    for name, model in zip(names, build_tokenizer_models(tokenizer, None), strict=True):
        ov.save_model(model, tmp_path / name)
    engine = openvino_genai.Tokenizer(str(tmp_path))

    for text, joined in zip(TEXTS, IDS[vocabulary.name]["ids"], strict=True):
        ids = [int(i) for i in joined.split()]
        assert server.encode(text, add_special_tokens=False).ids == ids, text
        theirs = engine.encode(text, add_special_tokens=False).input_ids.data[0].tolist()
        assert theirs == ids, text
        # SentencePiece puts its blank behind every special token, too: llama.cpp's way.
        if vocabulary.name != "spaced" or "<|im_start|>" not in text:
            assert server.decode(ids, skip_special_tokens=False) == text
            assert engine.decode(ids, skip_special_tokens=False) == text
        first = server.encode(text).ids
        assert first == ([1, *ids] if vocabulary.model == "llama" else ids)


def test_sentence_pieces_are_joined_best_score_first(tmp_path: Path) -> None:
    pieces = ["<unk>", "<s>", "</s>", "▁", "a", "b", "c", "ab", "bc", "abc", "▁ab", "ca"]
    scores = [0.0, 0.0, 0.0, -9.0, -9.0, -9.0, -9.0, -2.0, -1.0, -3.0, -4.0, -5.0]
    bytes_ = [f"<0x{i:02X}>" for i in range(256)]
    values = {
        "general.architecture": "llama",
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": pieces + bytes_,
        "tokenizer.ggml.scores": scores + [0.0] * 256,
        "tokenizer.ggml.token_type": [2, 3, 3] + [1] * 9 + [6] * 256,
        "tokenizer.ggml.unknown_token_id": 0,
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
    }
    model = tiny_decoder("llama")
    for key in byte_tokenizer():
        del model.values[key]
    model.values |= values
    folder = tmp_path / "imported"
    source = write_gguf(tmp_path / "tiny.gguf", model)
    import_gguf(source, folder, "file", lambda step, fraction: None)
    server = Tokenizer.from_file(str(folder / "tokenizer.json"))
    engine = openvino_genai.Tokenizer(str(folder))

    # "abc": bc (-1) is joined before ab (-2), then a + bc gives abc; é is no piece, so its bytes.
    cases = {
        "abc": [3, 9],
        "ab": [10],
        "ab cab": [10, 3, 6, 7],
        "é": [3, 12 + 0xC3, 12 + 0xA9],
        "a</s>b": [3, 4, 2, 3, 5],
    }
    for text, ids in cases.items():
        assert server.encode(text).ids == [1, *ids]
        assert server.encode(text, add_special_tokens=False).ids == ids
        assert engine.encode(text).input_ids.data[0].tolist() == [1, *ids]
        plain = engine.encode(text, add_special_tokens=False).input_ids.data[0].tolist()
        assert plain == ids
    assert server.decode([10, 3, 6, 7]) == "ab cab"
    assert engine.decode([10, 3, 6, 7]) == "ab cab"
