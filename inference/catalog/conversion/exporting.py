"""The steps of one conversion, from a folder of safetensors to OpenVINO's form in 16-bit floats.

Imports torch, transformers and optimum-intel, in the child process only.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Final

import openvino as ov

from inference.catalog.conversion.samples import SAMPLES
from inference.catalog.conversion.source_files import read_config, refuse_unfit
from inference.catalog.conversion.tokenizer_check import differences, refusal
from inference.catalog.facts import read_facts
from inference.catalog.facts_file import write_facts
from inference.catalog.import_child import ImportRefused, Report, published_folder

_MOST_SPECIAL_TOKENS: Final = 64
_KEPT: Final = ("chat_template.jinja", "LICENSE", "LICENSE.txt", "LICENSE.md")


def convert_folder(source: Path, target: Path, report: Report) -> dict[str, Any]:
    """Make the new folder `target` from the model in `source`; return its facts.

    Raises ImportRefused for a model of another kind, one that the exporter does not know, and one
    whose tokenizer does not survive; FileExistsError when `target` is there already. Nothing is
    fetched, and no code that comes with a model is run.
    """
    with published_folder(target) as work:
        report("reading the model", 0.0)
        refuse_unfit(read_config(source), [path.name for path in source.iterdir()])
        report("converting the tokenizer", 0.05)
        _convert_tokenizer(source, work)
        report("checking the tokenizer", 0.12)
        _check_tokenizer(work)
        report("converting the graph", 0.15)
        _export(source, work)
        for name in _KEPT:
            if (source / name).is_file() and not (work / name).exists():
                shutil.copyfile(source / name, work / name)
        facts = {**read_facts(work), "weight_format": "fp16", "quantization": "F16"}
        return write_facts(work, facts)


def _convert_tokenizer(source: Path, target: Path) -> None:
    from openvino_tokenizers import convert_tokenizer
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(
            source, trust_remote_code=False, local_files_only=True
        )
        tokenizer.save_pretrained(target)
        made = convert_tokenizer(tokenizer, with_detokenizer=True)
    except ImportError:
        raise  # it is the libraries that are not well, and not the model
    except Exception as error:  # these libraries raise what they like
        raise ImportRefused(
            f"The model's tokenizer cannot be converted ({type(error).__name__})."
        ) from error
    for name, graph in zip(("openvino_tokenizer", "openvino_detokenizer"), made, strict=True):
        ov.save_model(graph, target / f"{name}.xml", compress_to_fp16=False)
    if not (target / "tokenizer.json").is_file():
        raise ImportRefused("The model has no tokenizer.json and none can be made of what it has.")


def _check_tokenizer(folder: Path) -> None:
    from inference.catalog.conversion.tokenizers_of import Converted, Reference

    reference = Reference(folder)
    special = reference.special_tokens[:_MOST_SPECIAL_TOKENS]
    if words := refusal(differences(Converted(folder), reference, SAMPLES, special)):
        raise ImportRefused(words)


def _export(source: Path, target: Path) -> None:
    from optimum.exporters.openvino import main_export
    from optimum.intel import OVConfig

    try:
        main_export(
            model_name_or_path=str(source),
            output=target,
            task="text-generation-with-past",
            library_name="transformers",
            framework="pt",
            trust_remote_code=False,
            convert_tokenizer=False,
            ov_config=OVConfig(dtype="fp16"),
        )
    except ValueError as error:
        # The exporter's own word for an architecture that it does not know, or that wants code.
        raise ImportRefused("The exporter does not know this architecture.") from error
