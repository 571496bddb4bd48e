"""What a GGUF file is and whether it can be imported, from its header alone.

`describe_gguf` is for everyone who wants to know before anything is loaded: the fit planner, a
page, a command. `refuse_unimportable` is the same knowledge as an error, for the import itself.
"""

import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NamedTuple

from inference.catalog.gguf.architectures import reason_against
from inference.catalog.gguf.errors import CorruptFile, GgufError, UnsupportedModel
from inference.catalog.gguf.hyperparameters import read_hyperparameters
from inference.catalog.gguf.metadata import Metadata, TensorInfo, read_metadata
from inference.catalog.gguf.tokenizer import refuse_unknown_tokenizer


class _Packing(NamedTuple):
    """How values are packed: so many in a block of so many bytes."""

    name: str
    values: int
    size_bytes: int


# By ggml's numbers. Every one of the first table is tested.
_READ: Final[dict[int, _Packing]] = {
    0: _Packing("F32", 1, 4), 1: _Packing("F16", 1, 2), 30: _Packing("BF16", 1, 2),
    2: _Packing("Q4_0", 32, 18), 3: _Packing("Q4_1", 32, 20), 6: _Packing("Q5_0", 32, 22),
    7: _Packing("Q5_1", 32, 24), 8: _Packing("Q8_0", 32, 34), 10: _Packing("Q2_K", 256, 84),
    11: _Packing("Q3_K", 256, 110), 12: _Packing("Q4_K", 256, 144), 13: _Packing("Q5_K", 256, 176),
    14: _Packing("Q6_K", 256, 210),
}  # fmt: skip
_NOT_READ: Final[dict[int, str]] = {
    9: "Q8_1", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL",
    21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64",
    29: "IQ1_M", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4", 40: "NVFP4",
}  # fmt: skip

_RANKS: Final = 4  # of llama.cpp's ways of pooling

# Weights outside these would be left out silently, and the model would say something else.
_KNOWN_TENSORS: Final = re.compile(
    r"(token_embd|output|output_norm|rope_freqs|rope_factors_(long|short))\.weight"
    r"|blk\.\d+\.(attn_norm|ffn_norm|attn_q_norm|attn_k_norm|post_attention_norm|post_ffw_norm"
    r"|attn_(q|k|v|qkv|output)|ffn_(gate|up|down))\.weight"
    r"|blk\.\d+\.(attn_(q|k|v|qkv|output)|ffn_(gate|up|down))\.bias"
)


@dataclass(frozen=True)
class GgufDescription:
    """A file before it is loaded. What the header does not say is None."""

    architecture: str | None  # such as "llama"
    name: str | None  # general.name
    quantization: str | None  # such as "Q4_K_M"; the commonest of its matrices for odd mixes
    parameter_count: int | None  # weights, tied ones once
    context_length: int | None  # tokens the model was made for
    served_context_length: int | None  # tokens within which an import is exact
    tokenizer: str | None  # such as "gpt2" (byte-level) or "llama" (SentencePiece)
    tokenizer_pre: str | None  # how it cuts words
    chat_template: str | None
    reason: str | None  # why it cannot be imported, a sentence for the user

    @property
    def is_importable(self) -> bool:
        """Whether an import will be tried at all."""
        return self.reason is None


def describe_gguf(path: Path) -> GgufDescription:
    """Describe the GGUF file at `path` without touching its weights.

    Damaged and unsupported files are described too, with the reason. Raises OSError. Blocks for
    milliseconds, or some hundred of them for the largest vocabularies.
    """
    try:
        metadata = read_metadata(path)
        described = describe(metadata)
        if described.is_importable and path.stat().st_size < _end_of(metadata):
            return replace(described, reason="The file is truncated.")
        return described
    except GgufError as error:
        return GgufDescription(None, None, None, None, None, None, None, None, None, str(error))


def describe(metadata: Metadata) -> GgufDescription:
    """Describe a header."""
    reason, served = None, None
    try:
        refuse_unimportable(metadata)
        served = read_hyperparameters(metadata).served_context
    except GgufError as error:
        reason = str(error)
    architecture = metadata.text("general.architecture")
    context = None if architecture is None else metadata.of_model("context_length")
    return GgufDescription(
        architecture=architecture,
        name=metadata.text("general.name"),
        quantization=quantization_of(metadata),
        parameter_count=metadata.parameter_count,
        context_length=context,
        served_context_length=served,
        tokenizer=metadata.text("tokenizer.ggml.model"),
        tokenizer_pre=metadata.text("tokenizer.ggml.pre"),
        chat_template=metadata.text("tokenizer.chat_template"),
        reason=reason,
    )


def quantization_of(metadata: Metadata) -> str:
    """The file's own word, or how most of the weights are packed."""
    if (own := metadata.quantization) != "unknown":
        return own
    values: Counter[str] = Counter()
    for tensor in metadata.tensors:
        if len(tensor.shape) > 1:
            values[_packing(tensor)] += tensor.count
    return values.most_common(1)[0][0] if values else "unknown"


def refuse_unimportable(metadata: Metadata) -> None:
    """Raise UnsupportedModel or CorruptFile, with the reason, if this file cannot be imported."""
    kind = metadata.text("general.type")
    if kind is not None and kind != "model":
        raise UnsupportedModel(
            f"The file is no model that generates text, but of type {kind[:20]!r}."
        )
    if (metadata.integer("split.count") or 1) > 1:
        raise UnsupportedModel("The file is one of several parts; join them into one file first.")
    if (reason := reason_against(metadata.architecture)) is not None:
        raise UnsupportedModel(reason)
    if pooling := metadata.of_model("pooling_type"):
        what = "is a reranker" if pooling == _RANKS else "makes vectors of texts"
        raise UnsupportedModel(f"The file's model {what}; as GGUF that cannot be served yet.")
    if metadata.of_model("expert_count"):
        raise UnsupportedModel("Models that are a mixture of experts cannot be imported.")
    if not metadata.tensors:
        raise CorruptFile("The file has no weights.")
    odd_kinds = sorted({_packing(t) for t in metadata.tensors if t.kind not in _READ})
    if odd_kinds:
        raise UnsupportedModel(
            f"The file's weights are packed as {', '.join(odd_kinds)}, which cannot be read."
        )
    for tensor in metadata.tensors:
        if _KNOWN_TENSORS.fullmatch(tensor.name) is None:
            raise UnsupportedModel(
                f"The file has weights of an unknown purpose ({tensor.name[:60]})."
            )
    read_hyperparameters(metadata)
    refuse_unknown_tokenizer(metadata)


def _end_of(metadata: Metadata) -> int:
    """The bytes that a file needs for its weights to be in it."""
    ends = [
        tensor.offset + tensor.count // _READ[tensor.kind].values * _READ[tensor.kind].size_bytes
        for tensor in metadata.tensors
    ]
    return metadata.data_offset + max(ends)


def _packing(tensor: TensorInfo) -> str:
    kind = tensor.kind
    return _READ[kind].name if kind in _READ else _NOT_READ.get(kind) or f"type {kind}"
