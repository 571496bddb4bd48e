"""A GGUF file's tokenizer as a tokenizer.json, the format of the `tokenizers` library.

The server counts and cuts prompts with that library, the engines with OpenVINO's tokenizer models;
both are made from the description built here, so that they cannot drift apart.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from inference.catalog.gguf.errors import CorruptFile, UnsupportedModel
from inference.catalog.gguf.metadata import Metadata
from inference.catalog.gguf.splitting import expressions_for, looks_up_whole_words

_SPACE: Final = "▁"  # how SentencePiece writes a blank

# Texts that end a turn in one chat format or another. Files often name only one of theirs as the
# end, and a model that produces another would talk to itself from there on.
_END_TEXTS: Final = frozenset(
    {
        "<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<turn|>", "<|endoftext|>",
        "<|eom_id|>", "<EOT>", "<|end_of_text|>", "<end_of_utterance>", "<|return|>",
        "<|call|>", "<\uff5cend\u2581of\u2581sentence\uff5c>",
    }
)  # fmt: skip


class TokenKind(IntEnum):
    """tokenizer.ggml.token_type."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


@dataclass(frozen=True)
class Tokenizer:
    """What the rest of the import needs to know of a tokenizer."""

    description: dict[str, Any]  # the content of tokenizer.json
    vocabulary: list[str]  # by id
    special_ids: list[int]  # control tokens, which detokenizing leaves out
    added_ids: list[int]  # those and user-defined ones: recognised in text before any splitting
    expressions: tuple[str, ...]  # word splitting of byte-level tokenizers; empty for SentencePiece
    adds_space: bool  # SentencePiece: a blank goes in front of the text
    bos_id: int | None
    eos_ids: list[int]  # every token that ends an answer, the file's own first
    pad_id: int | None
    adds_bos: bool  # whether encoding with special tokens begins with bos_id

    @property
    def is_byte_level(self) -> bool:
        """True for GPT-2's kind, false for SentencePiece's."""
        return bool(self.expressions)


def refuse_unknown_tokenizer(metadata: Metadata) -> None:
    """Raise UnsupportedModel or CorruptFile if no tokenizer can be built; builds none."""
    if not metadata.texts("tokenizer.ggml.tokens"):
        raise CorruptFile("The file has no vocabulary.")
    model = metadata.text("tokenizer.ggml.model")
    if model not in ("gpt2", "llama"):
        raise UnsupportedModel(f"This model's kind of tokenizer is not supported ({model}).")
    if model == "gpt2":
        expressions_for(metadata.text("tokenizer.ggml.pre"))


def build_tokenizer(metadata: Metadata) -> Tokenizer:
    """Build the tokenizer of a GGUF file; raises UnsupportedModel or CorruptFile."""
    refuse_unknown_tokenizer(metadata)
    vocabulary = metadata.texts("tokenizer.ggml.tokens")
    kinds = _token_kinds(metadata, len(vocabulary))
    if metadata.text("tokenizer.ggml.model") == "gpt2":
        return _byte_level(metadata, vocabulary, kinds)
    return _sentence_piece(metadata, vocabulary, kinds)


def _byte_level(metadata: Metadata, vocabulary: list[str], kinds: list[int]) -> Tokenizer:
    name = metadata.text("tokenizer.ggml.pre")
    expressions = expressions_for(name)
    merges = [tuple(merge.split(" ", 1)) for merge in metadata.texts("tokenizer.ggml.merges")]
    known = set(vocabulary)
    if any(len(merge) != 2 or "".join(merge) not in known for merge in merges):
        raise CorruptFile("The file's tokenizer contradicts itself.")
    splits: list[dict[str, Any]] = [
        {"type": "Split", "pattern": {"Regex": e}, "behavior": "Isolated", "invert": False}
        for e in expressions
    ]
    bytes_step = {
        "type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False,
    }  # fmt: skip
    description = _description(
        vocabulary,
        kinds,
        normalizer=None,
        pre_tokenizer={"type": "Sequence", "pretokenizers": [*splits, bytes_step]},
        decoder=bytes_step,
        model=_bpe(vocabulary, merges, ignore_merges=looks_up_whole_words(name)),
    )
    return _finish(metadata, vocabulary, kinds, description, expressions, adds_space=False)


def _sentence_piece(metadata: Metadata, vocabulary: list[str], kinds: list[int]) -> Tokenizer:
    scores = metadata.numbers("tokenizer.ggml.scores")
    if len(scores) != len(vocabulary):
        raise CorruptFile("The file's vocabulary has no scores.")
    adds_space = metadata.flag("tokenizer.ggml.add_space_prefix") is not False
    to_space = {"type": "Replace", "pattern": {"String": " "}, "content": _SPACE}
    prefix = [{"type": "Prepend", "prepend": _SPACE}] if adds_space else []
    decoders: list[dict[str, Any]] = [
        {"type": "Replace", "pattern": {"String": _SPACE}, "content": " "},
        {"type": "ByteFallback"},
        {"type": "Fuse"},
    ]
    if adds_space:
        decoders.append({"type": "Strip", "content": " ", "start": 1, "stop": 0})
    model = _bpe(vocabulary, merges_by_score(vocabulary, scores, kinds))
    unknown = _token_id(metadata, "unknown", vocabulary)
    model["unk_token"] = None if unknown is None else vocabulary[unknown]
    model["byte_fallback"] = model["fuse_unk"] = True
    description = _description(
        vocabulary,
        kinds,
        normalizer={"type": "Sequence", "normalizers": [*prefix, to_space]},
        pre_tokenizer=None,
        decoder={"type": "Sequence", "decoders": decoders},
        model=model,
    )
    return _finish(metadata, vocabulary, kinds, description, (), adds_space)


def merges_by_score(
    vocabulary: list[str], scores: list[float], kinds: list[int]
) -> list[tuple[str, ...]]:
    """Merge rules that do what SentencePiece does with scores.

    SentencePiece joins any two neighbours whose union is a piece, best piece first; so every way
    to cut a piece into two pieces is a rule, ordered by the score of the whole.
    """
    usable = {TokenKind.NORMAL, TokenKind.USER_DEFINED, TokenKind.UNUSED}
    ids = {piece: i for i, piece in enumerate(vocabulary) if kinds[i] in usable}
    rules: list[tuple[float, int, int, int]] = []
    for piece, i in ids.items():
        for cut in range(1, len(piece)):
            left, right = ids.get(piece[:cut]), ids.get(piece[cut:])
            if left is not None and right is not None:
                rules.append((-scores[i], i, left, right))
    rules.sort()
    return [(vocabulary[left], vocabulary[right]) for _, _, left, right in rules]


def _bpe(
    vocabulary: list[str], merges: list[tuple[str, ...]], ignore_merges: bool = False
) -> dict[str, Any]:
    # A piece that occurs twice keeps its first id, as llama.cpp has it.
    ids: dict[str, int] = {}
    for i, token in enumerate(vocabulary):
        ids.setdefault(token, i)
    return {
        "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
        "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
        "ignore_merges": ignore_merges, "vocab": ids, "merges": [list(merge) for merge in merges],
    }  # fmt: skip


def _description(
    vocabulary: list[str], kinds: list[int], **parts: dict[str, Any] | None
) -> dict[str, Any]:
    """A tokenizer.json; `parts` are its stages by name."""
    added = [
        {
            "id": i, "content": vocabulary[i], "single_word": False, "lstrip": False,
            "rstrip": False, "normalized": False, "special": kinds[i] != TokenKind.USER_DEFINED,
        }
        for i in _added_ids(kinds)
    ]  # fmt: skip
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
        "normalizer": parts["normalizer"], "pre_tokenizer": parts["pre_tokenizer"],
        "post_processor": None, "decoder": parts["decoder"], "model": parts["model"],
    }  # fmt: skip


def _finish(
    metadata: Metadata,
    vocabulary: list[str],
    kinds: list[int],
    description: dict[str, Any],
    expressions: tuple[str, ...],
    adds_space: bool,
) -> Tokenizer:
    """Add what is the same for every kind: the ids of the special tokens."""
    bos_id = _token_id(metadata, "bos", vocabulary)
    named = [_token_id(metadata, name, vocabulary) for name in ("eos", "eot", "eom")]
    eos_ids = [i for i in named if i is not None]
    eos_ids += [i for i in _added_ids(kinds) if vocabulary[i] in _END_TEXTS]
    eos_ids = list(dict.fromkeys(eos_ids))
    pad_id = _token_id(metadata, "padding", vocabulary)
    adds_bos = metadata.flag("tokenizer.ggml.add_bos_token")
    adds_bos = not expressions if adds_bos is None else adds_bos
    adds_bos = adds_bos and bos_id is not None
    if adds_bos and bos_id is not None:
        description["post_processor"] = _begin_with(vocabulary[bos_id], bos_id)
    return Tokenizer(
        description=description,
        vocabulary=vocabulary,
        special_ids=[i for i in _added_ids(kinds) if kinds[i] != TokenKind.USER_DEFINED],
        added_ids=_added_ids(kinds),
        expressions=expressions,
        adds_space=adds_space,
        bos_id=bos_id,
        eos_ids=eos_ids,
        pad_id=pad_id if pad_id is not None else next(iter(eos_ids), None),
        adds_bos=adds_bos,
    )


def _begin_with(token: str, token_id: int) -> dict[str, Any]:
    bos = {"SpecialToken": {"id": token, "type_id": 0}}
    first = {"Sequence": {"id": "A", "type_id": 0}}
    second = {"Sequence": {"id": "B", "type_id": 1}}
    return {
        "type": "TemplateProcessing",
        "single": [bos, first],
        "pair": [bos, first, bos, second],
        "special_tokens": {token: {"id": token, "ids": [token_id], "tokens": [token]}},
    }


def _token_kinds(metadata: Metadata, count: int) -> list[int]:
    kinds = [int(kind) for kind in metadata.numbers("tokenizer.ggml.token_type")]
    if not kinds:
        return [TokenKind.NORMAL] * count
    if len(kinds) != count:
        raise CorruptFile("The file's tokenizer contradicts itself.")
    return kinds


def _added_ids(kinds: list[int]) -> list[int]:
    added = {TokenKind.UNKNOWN, TokenKind.CONTROL, TokenKind.USER_DEFINED}
    return [i for i, kind in enumerate(kinds) if kind in added]


def _token_id(metadata: Metadata, name: str, vocabulary: list[str]) -> int | None:
    """The id the file gives a special token, unless there is no such token."""
    number = metadata.integer(f"tokenizer.ggml.{name}_token_id")
    return number if number is not None and 0 <= number < len(vocabulary) else None
