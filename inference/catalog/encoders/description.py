"""What a sentence encoder's own small files say about it, read and checked once.

`config.json` describes the network; `modules.json`, `1_Pooling/config.json` and
`sentence_bert_config.json` are those of the sentence-transformers library and say how a sentence's
vector is made of its tokens' vectors and how many tokens count. They are easily lost (exports of
other tools leave them out), and a wrong pooling gives vectors that look right and are not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from inference.catalog.encoders.errors import CorruptFile, UnsupportedEncoder
from inference.catalog.encoders.files import CONFIG, MODEL_TYPES

Pooling = Literal["mean", "cls", "max"]

_POOLING_FLAGS: Final[dict[str, Pooling]] = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
}
_ACTIVATIONS: Final = {"gelu": "erf", "gelu_new": "tanh", "gelu_pytorch_tanh": "tanh"}
_MODULES: Final = {"Transformer", "Pooling", "Normalize"}
_LARGEST: Final = 1_000_000
"""Of any number in config.json; a stranger's file must not make us build a graph without end."""


@dataclass(frozen=True, slots=True)
class Description:
    """The shape of an encoder. Lengths are tokens, special tokens included.

    `first_position` is the row of the position table that a sentence's first token takes: RoBERTa
    and its kin begin behind the padding's id. `activation` is OpenVINO's name of the GELU's form.
    """

    model_type: str
    width: int
    inner_width: int
    layers: int
    heads: int
    vocabulary: int
    positions: int
    first_position: int
    token_types: int
    norm_epsilon: float
    activation: str
    pooling: Pooling
    longest: int
    pad_token_id: int


def read_description(folder: Path) -> Description:
    """The description of the encoder in `folder`.

    Raises UnsupportedEncoder for what cannot be built here, CorruptFile when a file makes no sense.
    """
    config = _read(folder / CONFIG)
    model_type = str(config.get("model_type"))
    if model_type not in MODEL_TYPES:
        raise UnsupportedEncoder(f"Models of the type {model_type} are not supported as encoders.")
    if config.get("position_embedding_type", "absolute") != "absolute" or config.get("is_decoder"):
        raise UnsupportedEncoder("This variant of BERT is not supported.")
    activation = _ACTIVATIONS.get(str(config.get("hidden_act", "gelu")))
    if activation is None:
        raise UnsupportedEncoder("This model's activation function is not supported.")
    width, heads = _whole(config, "hidden_size"), _whole(config, "num_attention_heads")
    if width % heads:
        raise CorruptFile("The model's description contradicts itself.")
    pad = _whole(config, "pad_token_id", default=0, least=0)
    positions = _whole(config, "max_position_embeddings")
    first_position = 0 if model_type == "bert" else pad + 1
    return Description(
        model_type=model_type,
        width=width,
        inner_width=_whole(config, "intermediate_size"),
        layers=_whole(config, "num_hidden_layers"),
        heads=heads,
        vocabulary=_whole(config, "vocab_size"),
        positions=positions,
        first_position=first_position,
        token_types=_whole(config, "type_vocab_size", default=2),
        norm_epsilon=_epsilon(config),
        activation=activation,
        pooling=_read_pooling(folder),
        longest=_longest(folder, positions - first_position),
        pad_token_id=pad,
    )


def _read_pooling(folder: Path) -> Pooling:
    """MEAN, unless the files say otherwise: what sentence-transformers does with a bare BERT."""
    modules = _read_list(folder / "modules.json")
    kinds = {str(module.get("type", "")).rpartition(".")[2] for module in modules}
    if kinds - _MODULES:
        unknown = ", ".join(sorted(kinds - _MODULES))
        raise UnsupportedEncoder(f"This encoder needs {unknown} layers, which are not supported.")
    if "Pooling" not in kinds:
        return "mean"
    config = _read(folder / "1_Pooling" / "config.json")
    wanted = [key for key, value in config.items() if key.startswith("pooling_mode_") and value]
    named = config.get("pooling_mode")
    if isinstance(named, str):  # newer versions of the library write one word
        wanted = [f"pooling_mode_{named}_tokens", f"pooling_mode_{named}_token"]
        wanted = [key for key in wanted if key in _POOLING_FLAGS]
    if len(wanted) != 1 or wanted[0] not in _POOLING_FLAGS:
        raise UnsupportedEncoder("This encoder's way of pooling is not supported.")
    return _POOLING_FLAGS[wanted[0]]


def _longest(folder: Path, trained: int) -> int:
    """How many tokens of a text count, at most as many as the network has positions for."""
    wanted = _read(folder / "sentence_bert_config.json", needed=False).get("max_seq_length")
    if not isinstance(wanted, int):
        wanted = _read(folder / "tokenizer_config.json", needed=False).get("model_max_length")
    longest = min(trained, wanted) if isinstance(wanted, int) and wanted > 0 else trained
    if longest < 3:  # two special tokens and one of the text
        raise CorruptFile("The model's description contradicts itself.")
    return longest


def _whole(config: dict[str, Any], key: str, *, default: int | None = None, least: int = 1) -> int:
    value = config.get(key)
    if value is None and default is not None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= _LARGEST:
        raise CorruptFile("The model's description is incomplete or makes no sense.")
    return value


def _epsilon(config: dict[str, Any]) -> float:
    value = config.get("layer_norm_eps", 1e-12)
    if not isinstance(value, int | float) or not 0 < value < 1:
        raise CorruptFile("The model's description is incomplete or makes no sense.")
    return float(value)


def _read(path: Path, *, needed: bool = True) -> dict[str, Any]:
    if not path.exists() and not needed:
        return {}
    content = _parse(path)
    if not isinstance(content, dict):
        raise CorruptFile(f"The file {path.name} of the model is not what it should be.")
    return content


def _read_list(path: Path) -> list[dict[str, Any]]:
    content = _parse(path) if path.exists() else []
    if not isinstance(content, list) or not all(isinstance(item, dict) for item in content):
        raise CorruptFile(f"The file {path.name} of the model is not what it should be.")
    return content


def _parse(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CorruptFile(f"The file {path.name} of the model is missing.") from None
    except ValueError:
        raise CorruptFile(f"The file {path.name} of the model cannot be read.") from None
