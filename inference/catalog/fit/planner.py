"""From a description and this machine's rooms to one verdict per device. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from inference.catalog.errors import Refused
from inference.catalog.fetching import peak_bytes
from inference.catalog.fit.description import Description
from inference.catalog.fit.kinds import Kind, kind_of, refusal_of
from inference.catalog.fit.nearest import nearest_for_npu
from inference.catalog.fit.shape import ModelShape, read_shape
from inference.catalog.fit.verdicts import Answer, Room, Verdict, judge
from inference.catalog.fit.weights import Format, Weights, read_weights


@dataclass(frozen=True, slots=True)
class Machine:
    """The rooms of this machine, by priority, and what its models folder's disk has free."""

    rooms: tuple[Room, ...]
    free_bytes: int


@dataclass(frozen=True, slots=True)
class Fit:
    """What the planner found. `disk_needed_bytes` is a pull's peak, 0 for what is installed;
    `npu_export` the repository to pull instead for the NPU, "" when this one is good or none is
    known."""

    name: str
    kind: Kind
    shape: ModelShape | None
    weights: Weights
    verdicts: tuple[Verdict, ...]
    disk_needed_bytes: int
    disk_free_bytes: int
    npu_export: str = ""

    @property
    def has_disk(self) -> bool:
        """Whether a pull has the disk it needs."""
        return self.disk_needed_bytes <= self.disk_free_bytes


def plan_fit(
    description: Description,
    machine: Machine,
    *,
    patterns: Sequence[str] = (),
    is_installed: bool = False,
    candidates: Sequence[str] = (),
    exists: Callable[[str], bool | None] = lambda _: None,
) -> Fit:
    """The verdicts for the model described. `patterns` are those of the files that a pull would
    fetch, none for all; `candidates` and `exists` are for `nearest_for_npu`."""
    kind = kind_of(description.config, description.name)
    refusal = refusal_of(description.config, description.name) or str(
        description.facts.get("refusal", "")
    )
    shape = read_shape(description)
    if kind is Kind.UNKNOWN and shape is not None:
        kind = Kind.TEXT
    weights = read_weights(description, kind, shape, patterns)
    verdicts = tuple(judge(room, kind, shape, weights, refusal) for room in machine.rooms)
    wants_other = kind in (Kind.TEXT, Kind.UNKNOWN) and any(
        verdict.device.startswith("NPU") and verdict.answer is not Answer.FITS
        for verdict in verdicts
    )
    peak = peak_bytes(weights.download_bytes, is_export=weights.format is Format.OPENVINO)
    return Fit(
        name=description.name,
        kind=kind,
        shape=shape,
        weights=weights,
        verdicts=verdicts,
        disk_needed_bytes=0 if is_installed else peak,
        disk_free_bytes=machine.free_bytes,
        npu_export=nearest_for_npu(description.name, candidates, exists) if wants_other else "",
    )


def check_before_pull(fit: Fit) -> str:
    """What a pull should warn of before it begins, "" for nothing. Raises Refused for a model
    that certainly runs on no device of this machine."""
    present = [verdict for verdict in fit.verdicts if verdict.is_present]
    if present and all(verdict.answer is Answer.NOT for verdict in present):
        reasons = dict.fromkeys(verdict.reason for verdict in present)
        raise Refused(f"{fit.name} can run nowhere here: {'; '.join(reasons)}")
    best = next((v for v in present if v.answer is not Answer.NOT), None)
    if best is not None and best.answer is not Answer.FITS:
        return f"{best.device}: {best.answer}, {best.reason}"
    return ""
