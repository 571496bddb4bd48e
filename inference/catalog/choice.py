"""Which files of a repository make one model. Pure: what the hub lists, and the tag that was asked
for; out come the names to fetch, or a sentence that says why nothing can be.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from inference.catalog.encoders.files import ABOUT_SENTENCES, NEEDED
from inference.catalog.errors import Refused

GRAPH: Final = "openvino_model.xml"
_WEIGHTS: Final = "openvino_model.bin"
_FOLDER_FILES: Final = re.compile(
    r"openvino_\w+\.(xml|bin)|(generation_)?config\.json|openvino_config\.json|[\w-]+\.jinja"
    r"|(tokenizer\w*|special_tokens_map|added_tokens|vocab|chat_template)\.json|merges\.txt"
    r"|[\w.-]+\.model"
)
"""What of a repository with an OpenVINO export is fetched: the graphs, and what tokenisers need."""

_OTHER_KINDS: Final = {
    "openvino_language_model.xml": "it is a vision-language model",
    "openvino_encoder_model.xml": "it is a speech or translation model",
    "openvino_vae_decoder_model.xml": "it makes pictures",
    "model_index.json": "it makes pictures",
}
_QUANT: Final = re.compile(
    r"(?<![A-Za-z0-9])(I?Q\d(?:_[A-Z0-9]+)*|MXFP4(?:_MOE)?|BF16|F16|FP16|F32|FP32)(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_SHARD: Final = re.compile(r"-(\d{5})-of-(\d{5})$")
_PREFERRED: Final = (
    *("Q4_K_M", "Q4_K_S", "Q4_0", "Q4_1", "Q5_K_M", "Q5_K_S", "Q6_K", "Q8_0"),
    *("Q3_K_M", "BF16", "F16", "FP16", "F32"),
)
"""What is taken of a GGUF repository when nothing is asked for, as in Ollama: a good 4-bit form."""


def choose_files(offered: Collection[str], quant: str = "") -> tuple[str, ...]:
    """The names of the files that make one model; of a model in several pieces, in their order.

    `quant` names the form wanted of a GGUF repository (`Q4_K_M`, in any case, or a file's name),
    "" = the usual. Raises Refused with the reason when there is no such model.
    """
    if GRAPH in offered:
        return _choose_export(offered, quant)
    if kind := other_kind(offered):
        raise _refused(kind)
    if forms := _gguf_forms(offered):
        return _choose_form(forms, quant)
    if all(name in offered for name in NEEDED) and "modules.json" in offered:
        if quant:
            raise _refused(f"it holds a sentence encoder, which has no form {quant}")
        return (*NEEDED, *(name for name in ABOUT_SENTENCES if name in offered))
    if any(name.endswith((".safetensors", ".bin", ".pt", ".pth")) for name in offered):
        raise _refused(
            "it holds only the original weights, which have to be converted first (npuconsole "
            "convert); or look for an OpenVINO or GGUF export of the model"
        )
    raise _refused("it holds neither an OpenVINO model nor a GGUF file")


def other_kind(offered: Collection[str]) -> str:
    """What an export with those files is, if it is of a kind that cannot be served yet; else ""."""
    found = next((kind for name, kind in _OTHER_KINDS.items() if name in offered), "")
    return found and f"{found}, which cannot be served yet"


def _choose_export(offered: Collection[str], quant: str) -> tuple[str, ...]:
    if quant:
        raise _refused(
            f"it holds one OpenVINO export, so there is no {quant} of it to choose; "
            "ask for it without a tag"
        )
    if _WEIGHTS not in offered:
        raise _refused(f"its OpenVINO export has no {_WEIGHTS}")
    return tuple(sorted(name for name in offered if _FOLDER_FILES.fullmatch(name)))


def _gguf_forms(offered: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The models among the GGUF files: of each its name without ending and piece, and its files."""
    forms: dict[str, list[str]] = {}
    for name in sorted(offered):
        stem, dot, ending = name.rpartition(".")
        if not dot or ending.lower() != "gguf":
            continue
        if re.search(r"mmproj|imatrix", name, re.IGNORECASE):
            continue  # the part that sees pictures, and notes about how it was made
        forms.setdefault(_SHARD.sub("", stem), []).append(name)
    return {stem: tuple(names) for stem, names in forms.items()}


def _choose_form(forms: dict[str, tuple[str, ...]], quant: str) -> tuple[str, ...]:
    labels = {stem: _label(stem) for stem in forms}
    if quant:
        wanted = quant.lower().removesuffix(".gguf")
        for stem, label in labels.items():
            if wanted in (label.lower(), stem.lower(), stem.rpartition("/")[2].lower()):
                return _whole(forms[stem])
        there = ", ".join(sorted({label for label in labels.values() if label})) or "no such form"
        raise _refused(f"it has no {quant}; it has {there}")
    for preferred in _PREFERRED:
        for stem, label in labels.items():
            if label == preferred:
                return _whole(forms[stem])
    if len(forms) == 1:
        return _whole(next(iter(forms.values())))
    there = ", ".join(sorted({label or stem for stem, label in labels.items()})[:12])
    raise _refused(f"which of its files is wanted must be said, as NAME:FORM; it has {there}")


def _label(stem: str) -> str:
    """`Q4_K_M` of a file's name; "" where it does not say."""
    found = _QUANT.findall(stem.rpartition("/")[2])
    return found[-1].upper() if found else ""


def _whole(names: tuple[str, ...]) -> tuple[str, ...]:
    """Those files, if all pieces are there."""
    shard = _SHARD.search(names[0].rpartition(".")[0])
    if shard and len(names) != int(shard[2]):
        raise _refused(f"{len(names)} of the {int(shard[2])} pieces of {names[0]} are there")
    return names


def _refused(reason: str) -> Refused:
    return Refused(f"the hub's repository cannot be installed: {reason}")
