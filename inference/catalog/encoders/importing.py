"""The steps of one import, from an encoder's files to a folder that the engine can load."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from tokenizers import Tokenizer

from inference.catalog.encoders.description import Description, read_description
from inference.catalog.encoders.errors import CorruptFile
from inference.catalog.encoders.files import CONFIG, TOKENIZER, WEIGHTS
from inference.catalog.encoders.folder import write_facts
from inference.catalog.encoders.graph import build_encoder
from inference.catalog.encoders.safetensors import Weights
from inference.catalog.encoders.tokenizer import Frame, write_tokenizer
from inference.catalog.import_child import Report, published_folder


def import_encoder(source: Path, target: Path, report: Report) -> dict[str, Any]:
    """Import the encoder in the folder `source` into the new folder `target`; return its facts.

    Raises EncoderError when the files cannot be used, FileExistsError when `target` is there
    already, OSError when the disk fails. Blocks for a second or more.
    """
    with published_folder(target) as work:
        report("description", 0.0)
        return _fill(work, source, read_description(source), report)


def _fill(folder: Path, source: Path, described: Description, report: Report) -> dict[str, Any]:
    report("tokenizer", 0.05)
    frame = write_tokenizer(source / TOKENIZER, folder / TOKENIZER, described.vocabulary)
    if len(frame.prefix_ids) + len(frame.suffix_ids) >= described.longest:
        raise CorruptFile("The tokenizer contradicts the model's description.")
    report("building the encoder", 0.15)
    weights = Weights(source / WEIGHTS)
    encoder = build_encoder(described, weights)
    report("saving", 0.5)
    ov.save_model(encoder, folder / "openvino_model.xml", compress_to_fp16=True)
    report("trying it", 0.7)
    _prove(folder, described, frame)
    shutil.copyfile(source / CONFIG, folder / CONFIG)
    return write_facts(folder, described, frame, (source / WEIGHTS).stat().st_size)


def _prove(folder: Path, described: Description, frame: Frame) -> None:
    """Embed one word with what was saved: weights that only make NaN are found now."""
    body = Tokenizer.from_file(str(folder / TOKENIZER)).encode("word", add_special_tokens=False).ids
    ids = np.array([[*frame.prefix_ids, *body[:1], *frame.suffix_ids]], np.int64)
    # On the CPU and in full precision, whatever the machine prefers: this is about the file.
    model = ov.Core().compile_model(
        folder / "openvino_model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    vector = model({"input_ids": ids, "attention_mask": np.ones_like(ids)})[0]
    if vector.shape != (1, described.width) or not np.isfinite(vector).all():
        raise CorruptFile("The weights give no usable embeddings.")
