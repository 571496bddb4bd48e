"""Which names can be pulled, and from where: a name becomes a `Plan`.

Known names are looked up in `catalog.known`; `org/repo`, with or without a hub's address before it,
means that repository of the hub; other names may lie in the import folder.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from inference import snapshot
from inference.catalog.errors import Refused, UnknownModel
from inference.catalog.known.catalogue import Catalogue, catalogue
from inference.catalog.known.entries import DEVICE_CLASSES, KnownModel
from inference.catalog.names import (
    DEFAULT_HOST,
    DEFAULT_NAMESPACE,
    DEFAULT_TAG,
    ModelName,
    parse_name,
)
from inference.catalog.sources import Source
from inference.catalog.sources.hub_repository import HubRepository
from inference.catalog.sources.local import LocalSource, name_of
from inference.errors import InvalidRequest

STARTER = "smollm2:135m"
"""The model a machine gets when it has none."""

HUB_HOSTS: Final = frozenset({"hf.co", "huggingface.co"})


@dataclass(frozen=True, slots=True)
class Part:
    """One form of a model. `sources` are tried in order; `device_classes` are the classes that may
    load it, () = all."""

    sources: tuple[Source, ...]
    device_classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """How one model is to be had. `sources` are tried in order; `request` is the text that leads to
    this plan again after a restart; `family` and `license` are what is known beforehand;
    `parameters` is the sampling that the model's makers recommend: its row begins with it.

    A model may need a second form for some devices (`others`); then `device_classes` says which the
    first one is for.
    """

    name: ModelName
    request: str
    sources: tuple[Source, ...]
    family: str = ""
    license: str = ""
    capabilities: tuple[str, ...] = ("completion",)
    parameters: Mapping[str, float] = field(default_factory=dict)
    device_classes: tuple[str, ...] = ()
    others: tuple[Part, ...] = ()

    @property
    def parts(self) -> tuple[Part, ...]:
        """Every form, the one that describes the model first."""
        return (Part(self.sources, self.device_classes), *self.others)

    def only(self, part: Part) -> Plan:
        """The plan for that form alone."""
        return replace(self, sources=part.sources, device_classes=part.device_classes, others=())


def starter_plan() -> Plan:
    """The hub when it answers soon, else the package index."""
    name = parse_name(STARTER)
    known = catalogue().find(name)
    assert known is not None  # it comes with the program
    return plan_for_known(name, known)


def plan_for_path(path: Path) -> Plan:
    """The plan for a place on this machine that the caller was allowed to name."""
    return Plan(name=name_of(path), request=f"file:{path}", sources=(LocalSource(path),))


def plan_for_name(
    name: ModelName, drop_folder: Path, present: Collection[str] | None = None
) -> Plan:
    """The plan for a name, with the forms that device classes `present` need (None = those of this
    machine). Looks into the import folder.

    Raises UnknownModel with what may have been meant, Refused for a model that is known and
    cannot be had.
    """
    models = catalogue()
    if (known := models.find(name)) is not None:
        return plan_for_known(name, known, present)
    for path in sorted(drop_folder.iterdir()) if drop_folder.is_dir() else ():
        if not path.is_symlink() and _is_name_of(path, name):
            return plan_for_path(path.resolve())
    if (repository := repository_of(name)) is not None:
        quant = "" if name.tag.lower() == DEFAULT_TAG else name.tag
        source = HubRepository(repository, quant=quant)
        return Plan(name, name.display, (source,))
    raise unknown(name, models)


def plan_for_known(
    name: ModelName, known: KnownModel, present: Collection[str] | None = None
) -> Plan:
    """The plan for a model of the catalogue. The form that is made for the NPU is left out where no
    NPU is. Raises Refused for a model that cannot be installed."""
    if known.refused:
        raise Refused(f"{known.names[0]} cannot be installed: {known.refused}")
    parts = parts_of(known)
    there = {"CPU", *(present_classes() if present is None else present)}
    needed = [part for part in parts if not part.device_classes or there & set(part.device_classes)]
    if not needed:
        devices = sorted({device for part in parts for device in part.device_classes})
        raise Refused(f"{known.names[0]} is made for {' and '.join(devices)}, which is not here")
    first, *others = needed
    return Plan(
        name=name,
        request=name.display,
        sources=first.sources,
        family=known.family,
        license=known.license,
        capabilities=known.capabilities,
        parameters=known.sampling,
        device_classes=first.device_classes,
        others=tuple(others),
    )


def present_classes() -> frozenset[str]:
    """The classes of the devices that are there and wanted. From any thread."""
    devices = snapshot.current().devices
    return frozenset(d.device_class for d in devices if d.present and d.enabled)


def parts_of(known: KnownModel) -> tuple[Part, ...]:
    """The forms that the model has, each with its sources in order; the one for an NPU alone comes
    last. Exports for no device in particular are for those that no other is made for."""
    claimed = {device for export in known.exports for device in export.devices}
    rest = tuple(device for device in DEVICE_CLASSES if device not in claimed) if claimed else ()
    forms: dict[tuple[str, ...], list[Source]] = {}
    for export in known.exports:
        forms.setdefault(export.devices or rest, []).append(export.source)
    ordered = sorted(forms.items(), key=lambda form: form[0] == ("NPU",))
    return tuple(Part(tuple(sources), devices) for devices, sources in ordered)


def repository_of(name: ModelName) -> str | None:
    """The hub's repository that the name spells: `org/repo`, `hf.co/org/repo`."""
    host, namespace = name.host.lower(), name.namespace.lower()
    if host in HUB_HOSTS or (host == DEFAULT_HOST and namespace != DEFAULT_NAMESPACE):
        return f"{name.namespace}/{name.model}"
    return None


def unknown(name: ModelName, models: Catalogue) -> UnknownModel:
    """The error for a name that nobody knows."""
    return UnknownModel(suggestions=models.closest(name))


def _is_name_of(path: Path, name: ModelName) -> bool:
    try:
        return name_of(path).key == name.key
    except InvalidRequest:
        return False  # a file whose name has no letter the grammar knows
