"""Which files of a hub's repository make one model."""

from __future__ import annotations

import pytest

from inference.catalog.choice import choose_files
from inference.catalog.errors import PullFailed

EXPORT = (
    "openvino_model.xml", "openvino_model.bin", "openvino_tokenizer.xml", "openvino_tokenizer.bin",
    "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json",
    "special_tokens_map.json", "chat_template.jinja", "merges.txt", "tokenizer.model",
)  # fmt: skip
AROUND = (".gitattributes", "README.md", "model.safetensors", "modeling.py", "pytorch_model.bin")
GGUF = ("m-Q4_0.gguf", "m.Q4_K_M.gguf", "m-q8_0.gguf", "mmproj-F16.gguf", "README.md")
PIECES = ("big-Q8_0-00001-of-00002.gguf", "big-Q8_0-00002-of-00002.gguf")


def test_of_an_openvino_export_nothing_else_is_taken() -> None:
    assert set(choose_files((*EXPORT, *AROUND))) == set(EXPORT)


@pytest.mark.parametrize(
    ("offered", "quant", "chosen"),
    [
        (GGUF, "", ("m.Q4_K_M.gguf",)),
        (GGUF, "Q8_0", ("m-q8_0.gguf",)),
        (GGUF, "q4_0", ("m-Q4_0.gguf",)),
        (GGUF, "m-q8_0.gguf", ("m-q8_0.gguf",)),
        (("m-Q6_K.gguf", "m-BF16.gguf"), "", ("m-Q6_K.gguf",)),
        (("m-UD-Q4_K_XL.gguf",), "", ("m-UD-Q4_K_XL.gguf",)),
        (("whatever.gguf",), "", ("whatever.gguf",)),
        ((*PIECES[::-1], "big-Q2_K.gguf"), "Q8_0", PIECES),
        (("Q8_0/m-Q8_0.gguf", "m-Q4_0.gguf"), "Q8_0", ("Q8_0/m-Q8_0.gguf",)),
        (
            ("model.safetensors", "tokenizer.json", "config.json", "modules.json", "README.md"),
            "",
            ("model.safetensors", "tokenizer.json", "config.json", "modules.json"),
        ),
    ],
)
def test_the_files_of_one_model_are_chosen(
    offered: tuple[str, ...], quant: str, chosen: tuple[str, ...]
) -> None:
    assert choose_files(offered, quant) == chosen


@pytest.mark.parametrize(
    ("offered", "quant", "reason"),
    [
        (EXPORT, "Q4_K_M", "holds one OpenVINO export, so there is no Q4_K_M"),
        (GGUF, "Q2_K", "it has no Q2_K; it has Q4_0, Q4_K_M, Q8_0"),
        (PIECES[:1], "", "1 of the 2 pieces of big-Q8_0-00001-of-00002.gguf"),
        (("a-IQ1_S.gguf", "a-IQ2_M.gguf"), "", "it has IQ1_S, IQ2_M"),
        (("openvino_language_model.xml", "config.json"), "", "a vision-language model"),
        (("openvino_encoder_model.xml",), "", "a speech or translation model"),
        (("model.safetensors", "config.json"), "", "have to be converted first"),
        (("README.md",), "", "neither an OpenVINO model nor a GGUF file"),
        ((), "", "neither an OpenVINO model nor a GGUF file"),
    ],
)
def test_what_cannot_be_installed_is_refused_with_the_reason(
    offered: tuple[str, ...], quant: str, reason: str
) -> None:
    with pytest.raises(PullFailed) as caught:
        choose_files(offered, quant)

    assert reason in caught.value.message
    assert not caught.value.retry
