"""The steps of one import, from a GGUF file to a folder that every engine can load."""

from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from inference.catalog.gguf.decoder import build_decoder
from inference.catalog.gguf.description import refuse_unimportable
from inference.catalog.gguf.errors import CorruptFile
from inference.catalog.gguf.folder import write_configs, write_facts, write_tokenizer_json
from inference.catalog.gguf.frontend import load_weights
from inference.catalog.gguf.hyperparameters import Hyperparameters, read_hyperparameters
from inference.catalog.gguf.metadata import Metadata, read_metadata, read_vector
from inference.catalog.gguf.round_trip import refuse_changed_texts
from inference.catalog.gguf.tokenizer import Tokenizer, build_tokenizer
from inference.catalog.gguf.tokenizer_models import build_tokenizer_models
from inference.catalog.gguf.weights import repack_int8
from inference.catalog.import_child import Report, published_folder

WeightFormat = Literal["file", "int8"]
WEIGHT_FORMATS: Final[tuple[WeightFormat, ...]] = ("file", "int8")

# Below this many weights int8 is the better default: faster than the file's groups of 32 on one
# stream and twice as fast on eight, for a loss of quality that hardly shows. Larger models are
# bound by memory, and there the file's four bits win. Measured in docs/starter-weights.md.
_INT8_BELOW: Final = 1_000_000_000


def import_gguf(
    source: Path, target: Path, weight_format: WeightFormat | None, report: Report
) -> dict[str, Any]:
    """Import `source` into the new folder `target` and return its facts.

    `weight_format` None takes the one that serves a model of this size best. Raises GgufError when
    the file cannot be used, FileExistsError when `target` is there already, OSError when the disk
    fails. Blocks for seconds to minutes.
    """
    with published_folder(target) as work:
        report("metadata", 0.0)
        metadata = read_metadata(source)
        refuse_unimportable(metadata)
        return _fill(work, source, metadata, weight_format or best_format(metadata), report)


def best_format(metadata: Metadata) -> WeightFormat:
    """The weight format that serves a model of this size best."""
    return "int8" if metadata.parameter_count < _INT8_BELOW else "file"


def _fill(
    folder: Path, source: Path, metadata: Metadata, weight_format: WeightFormat, report: Report
) -> dict[str, Any]:
    report("tokenizer", 0.05)
    tokenizer = build_tokenizer(metadata)
    write_tokenizer_json(folder, tokenizer)
    write_configs(folder, metadata, tokenizer)
    _save_tokenizer_models(folder, tokenizer, metadata.text("tokenizer.chat_template"))
    refuse_changed_texts(folder)
    # Weights that are packed anew anyway need no second rounding.
    decoder = build_decoder_of(source, metadata, report, is_exact=weight_format == "int8")
    if weight_format == "int8":
        report("packing weights", 0.6)
        repack_int8(decoder, lambda share: report("packing weights", 0.6 + 0.25 * share))
    report("saving", 0.85)
    ov.save_model(decoder, folder / "openvino_model.xml", compress_to_fp16=False)
    return write_facts(folder, metadata, tokenizer, weight_format, source.stat().st_size)


def build_decoder_of(
    source: Path, metadata: Metadata, report: Report, *, is_exact: bool = True
) -> ov.Model:
    """The decoder in `source`, with its weights as `load_weights` gives them; raises CorruptFile
    or UnsupportedModel."""
    numbers = read_hyperparameters(metadata)
    report("reading weights", 0.3)
    weights = load_weights(source, numbers, metadata, is_exact=is_exact)
    report("building the decoder", 0.5)
    return build_decoder(numbers, weights, _factors(source, metadata, numbers))


def _factors(
    source: Path, metadata: Metadata, numbers: Hyperparameters
) -> NDArray[np.float64] | None:
    """By how much single pairs of channels turn slower, if they do.

    Where a file has one list for short texts and one for long ones, the engines' cache cannot
    change from the one to the other, so the model's context decides, as in llama.cpp.
    """
    name = "rope_freqs.weight"
    if numbers.scaling.kind == "longrope":
        is_long = numbers.context > numbers.scaling.original_context
        name = f"rope_factors_{'long' if is_long else 'short'}.weight"
    factors = read_vector(source, metadata, name)
    if factors is not None and (len(factors) != numbers.rotated // 2 or not np.all(factors > 0)):
        raise CorruptFile("The file contradicts itself about its model's positions.")
    return factors


def _save_tokenizer_models(folder: Path, tokenizer: Tokenizer, chat_template: str | None) -> None:
    encoder, decoder = build_tokenizer_models(tokenizer, chat_template)
    ov.save_model(encoder, folder / "openvino_tokenizer.xml", compress_to_fp16=False)
    ov.save_model(decoder, folder / "openvino_detokenizer.xml", compress_to_fp16=False)
