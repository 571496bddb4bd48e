"""What `npuconsole doctor` looks at: what the appliance needs of this machine, and whether its
catalogue and disk agree, with or without a server running."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from inference import absence, environment
from inference.probing import ProbeFailed, probe
from npuconsole import catalogue_check, client

FREE_GIGABYTES = 2.0  # the starter, its import, and room for a second model


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing looked at. `is_well` None means: neither good nor bad."""

    subject: str
    words: str
    is_well: bool | None = True


def examine(*, fix: bool = False) -> Iterator[Remark]:
    """Look at one thing after the other; with `fix` mend what can be without asking. Raises
    UnusableVariable."""
    openvino = metadata.version("openvino")
    yield Remark("Python", f"{platform.python_version()} on {platform.platform(terse=True)}")
    yield Remark("OpenVINO", f"{openvino}, GenAI {metadata.version('openvino-genai')}")
    yield from _variables()
    yield _folder("Data folder", environment.home())
    yield _folder("Models folder", environment.models_folder())
    yield from _devices()
    yield _server()
    yield from _catalogue(fix=fix)


def _variables() -> Iterator[Remark]:
    if names := sorted(environment.values()):
        yield Remark("Variables", f"set: {', '.join(names)}", None)
    for name in environment.unknown():
        yield Remark("Variables", f"{name} is set, but npuconsole knows no such variable", False)


def _folder(subject: str, path: Path) -> Remark:
    """Whether files can be made there, or in the nearest folder that exists."""
    nearest = next(place for place in (path, *path.parents) if place.exists())
    free = shutil.disk_usage(nearest).free / 1e9
    words = f"{path}, {free:.1f} GB free"
    if not os.access(nearest, os.W_OK):
        return Remark(subject, f"{path} cannot be written", False)
    return Remark(subject, words, free >= FREE_GIGABYTES)


def _devices() -> Iterator[Remark]:
    try:
        found = asyncio.run(probe())
    except ProbeFailed as error:
        yield Remark("Devices", str(error), False)
        return
    for finding in found:
        driver = f", driver {finding.driver}" if finding.driver else ""
        yield Remark(finding.name, f"{finding.full_name}{driver}")
    names = sorted(finding.name for finding in found)
    classes = {name.partition(".")[0] for name in names}
    for name in ("NPU", "GPU", "CPU"):
        if name not in classes:
            yield Remark(name, absence.explain(name, names), False if name == "CPU" else None)


def _server() -> Remark:
    try:
        health = client.fetch("/health")
    except client.ServerProblem as problem:
        return Remark("Server", str(problem), None)
    words = "; ".join([health["status"], *health["problems"]])
    return Remark("Server", f"{client.address()}: {words}", health["status"] in ("ok", "starting"))


def _catalogue(*, fix: bool) -> Iterator[Remark]:
    """Whether rows and disk agree; one remark if they do."""
    try:
        found = catalogue_check.findings(fix=fix)
    except client.ServerProblem as problem:
        yield Remark("Catalogue", str(problem), None)
        return
    for finding in found:
        words, advice = f"{finding['words']}: ", finding["advice"]
        if finding["done"]:
            yield Remark(finding["subject"], words + finding["done"])
            continue
        how = " (--fix)" if finding["can_be_fixed"] else ""
        is_well = False if finding["is_wrong"] else None
        yield Remark(finding["subject"], f"{words}{advice}{how}", is_well)
    if not found:
        yield Remark("Catalogue", "every model is where it should be")
