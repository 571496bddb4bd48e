"""Small tokenizers as GGUF files, byte-level and SentencePiece, and texts that are hard on them.

The words are learned by the `tokenizers` library from the texts themselves, so that many merges
compete; what is right is then what llama.cpp makes of the file.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

TEXTS = (
    "Hello world, hello World!",
    "  two  spaces   and a trailing one ",
    "don't DON'T I'll we've He'd 'tis",
    "1234567 3.14159 v2.0 100,000 1st",
    "naïve café Ångström résumé",
    "日本語のテスト 中文測試 한국어",
    "👩‍👩‍👧 flags 🇩🇪🇯🇵 done 👍🏽",
    "tab\tnewline\n\n  indented\r\n\r\n\tx",
    "camelCaseWord HTTPServer XMLHttpRequest iPhone",
    "if (x == 1) { y += 2; } // c--\n#include <a/b.h>",
    "مرحبا بالعالم नमस्ते दुनिया สวัสดี",
    "№ ½ ﬁ Ⅷ ² ³ x² §4",
    "a<|im_start|>b<|im_end|> <tool>x",
    "...!!!???---___***\n\n\n",
    " ",
    "\n",
    "   \n  \n",
    "snake_case_name __init__ 'quoted' \"double\"",
)

PRE_KINDS = (
    "gpt-2", "smollm", "llama-bpe", "qwen2", "deepseek-v3", "qwen35", "tekken", "gpt-4o",
    "seed-coder",
)  # fmt: skip
"""One name of each way of cutting words that is known here."""

_SPECIAL = ("<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>")
_LEARNED = 480


@dataclass(frozen=True)
class Vocabulary:
    """What the keys tokenizer.ggml.* are to say."""

    name: str
    model: str  # "gpt2" or "llama"
    tokens: list[str]
    kinds: list[int]
    merges: list[str]
    scores: list[float]
    keys: dict[str, Any]

    @property
    def hash(self) -> str:
        """Tells whether kept ids still belong to it."""
        return hashlib.sha256(repr((self, TEXTS)).encode()).hexdigest()[:16]


def vocabularies() -> list[Vocabulary]:
    """Every small tokenizer."""
    tokens, merges = _learn(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False))
    byte_level = [
        Vocabulary(
            name, "gpt2", [*tokens, *_SPECIAL], [1] * len(tokens) + [3] * len(_SPECIAL), merges,
            [], {"pre": name},
        )
        for name in PRE_KINDS
    ]  # fmt: skip
    return [*byte_level, _sentence_piece("spaced", True), _sentence_piece("unspaced", False)]


def _sentence_piece(name: str, adds_space: bool) -> Vocabulary:
    pieces, merges = _learn(pre_tokenizers.Metaspace(prepend_scheme="never", split=True))
    bytes_ = [f"<0x{i:02X}>" for i in range(256)]
    special = [*_SPECIAL, "<tool>"]
    joined = [merge.replace(" ", "") for merge in merges]
    # The longest known pieces come first, single characters last, as training leaves them.
    singles = [piece for piece in pieces if piece not in set(joined)]
    usual = list(dict.fromkeys(joined)) + singles
    return Vocabulary(
        name, "llama", [*special, *bytes_, *usual],
        [2, 3, 3, 3, 3, 4] + [6] * 256 + [1] * len(usual), [],
        [0.0] * (len(special) + 256) + [-float(rank) for rank in range(len(usual))],
        {"pre": "default", "add_space_prefix": adds_space, "add_bos_token": True},
    )  # fmt: skip


def _learn(cut: pre_tokenizers.PreTokenizer) -> tuple[list[str], list[str]]:
    """(tokens, merges) learned from the texts."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(" ", "merged_with_next"), cut]
    )
    alphabet = (
        pre_tokenizers.ByteLevel.alphabet() if isinstance(cut, pre_tokenizers.ByteLevel) else []
    )
    trainer = trainers.BpeTrainer(
        vocab_size=_LEARNED, initial_alphabet=alphabet, show_progress=False, limit_alphabet=400
    )
    corpus = [text for text in TEXTS if not text.startswith(("日本", "👩", "مر"))]
    tokenizer.train_from_iterator(
        [word for text in corpus for word in [text, text.lower()]], trainer
    )
    ids = tokenizer.get_vocab()
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    return sorted(ids, key=ids.__getitem__), [" ".join(merge) for merge in merges]


def write_vocabulary(path: Path, vocabulary: Vocabulary) -> Path:
    """A llama-type model of one layer, with this tokenizer."""
    width, count = 32, len(vocabulary.tokens)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(128)
    writer.add_block_count(1)
    writer.add_embedding_length(width)
    writer.add_feed_forward_length(width)
    writer.add_head_count(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(width)
    writer.add_vocab_size(count)
    writer.add_tokenizer_model(vocabulary.model)
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types(vocabulary.kinds)
    if vocabulary.merges:
        writer.add_token_merges(vocabulary.merges)
    if vocabulary.scores:
        writer.add_token_scores(vocabulary.scores)
    for name in ("bos", "eos"):
        token = {"bos": "<s>", "eos": "</s>"}[name]
        writer.add_uint32(f"tokenizer.ggml.{name}_token_id", vocabulary.tokens.index(token))
    for key, value in vocabulary.keys.items():
        add = writer.add_bool if isinstance(value, bool) else writer.add_string
        add(f"tokenizer.ggml.{key}", value)
    random = np.random.default_rng(3)
    shapes = {"token_embd": (count, width), "output_norm": (width,)}
    shapes |= {f"blk.0.{norm}_norm": (width,) for norm in ("attn", "ffn")}
    parts = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
    shapes |= {f"blk.0.{part}": (width, width) for part in parts}
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", random.standard_normal(shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
