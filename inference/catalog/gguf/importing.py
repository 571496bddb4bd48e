"""The steps of one import, from a GGUF file to a folder that every engine can load."""

from pathlib import Path
from typing import Any, Final, Literal

import openvino as ov
from openvino.frontend import FrontEndManager

from inference.catalog.gguf.errors import CorruptFile, GgufError, UnsupportedModel
from inference.catalog.gguf.folder import write_configs, write_facts, write_tokenizer_json
from inference.catalog.gguf.graph import make_stateful_decoder
from inference.catalog.gguf.metadata import Metadata, read_metadata
from inference.catalog.gguf.rope import split_rotations_in_halves
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
    report("reading weights", 0.3)
    graph = load_graph(source)
    report("building the decoder", 0.5)
    split_rotations_in_halves(graph)
    decoder = make_stateful_decoder(graph)
    if weight_format == "int8":
        report("packing weights", 0.6)
        repack_int8(decoder, lambda share: report("packing weights", 0.6 + 0.25 * share))
    report("saving", 0.85)
    ov.save_model(decoder, folder / "openvino_model.xml", compress_to_fp16=False)
    return write_facts(folder, metadata, tokenizer, weight_format, source.stat().st_size)


def load_graph(source: Path) -> ov.Model:
    """The frontend's graph of `source`; raises CorruptFile or UnsupportedModel."""
    frontend = FrontEndManager().load_by_framework("gguf")
    if frontend is None:
        raise GgufError("This version of OpenVINO cannot read GGUF files.")
    try:
        return frontend.convert(frontend.load(str(source)))
    except RuntimeError as error:
        raise explain(error) from error


def explain(error: RuntimeError) -> GgufError:
    """The frontend's complaint in words for the user; its own text names paths and source files."""
    if "architecture" in str(error).lower():
        return UnsupportedModel("This model's architecture is not supported by this OpenVINO.")
    return CorruptFile("The file is damaged or truncated: its weights cannot be read.")


def _save_tokenizer_models(folder: Path, tokenizer: Tokenizer, chat_template: str | None) -> None:
    encoder, decoder = build_tokenizer_models(tokenizer, chat_template)
    ov.save_model(encoder, folder / "openvino_tokenizer.xml", compress_to_fp16=False)
    ov.save_model(decoder, folder / "openvino_detokenizer.xml", compress_to_fp16=False)
