"""What `npuconsole doctor` looks at: what the appliance needs of this machine, and whether its
catalogue and disk agree, with or without a server running."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

from inference import environment
from inference.probing import ProbeFailed, probe
from npuconsole import catalogue_check, client, machine_check
from npuconsole.remarks import Part, Remark

__all__ = ["Remark", "examine"]


def examine(*, fix: bool = False) -> Iterator[Remark]:
    """Look at one thing after the other; with `fix` mend what can be without asking. Raises
    UnusableVariable."""
    yield from machine_check.software()
    yield from machine_check.variables()
    yield from machine_check.storage()
    yield from _devices()
    yield from machine_check.hardware()
    yield from _server()
    yield from _catalogue(fix=fix)


def _devices() -> Iterator[Remark]:
    try:
        found = asyncio.run(probe())
    except ProbeFailed as error:
        yield Remark("Devices", str(error), False, Part.DEVICES)
        return
    for finding in found:
        yield machine_check.present(finding.name, finding.full_name, finding.driver)
    yield from machine_check.absent(finding.name for finding in found)


def _server() -> Iterator[Remark]:
    try:
        health = client.fetch("/health")
    except client.NobodyThere as problem:
        yield Remark("Server", str(problem), None, Part.NETWORK)
        values = environment.values()
        host, port = values.get("NPU_PROXY_HOST", "127.0.0.1"), values.get("NPU_PROXY_PORT", 11435)
        yield machine_check.port(str(host), int(port))
    except client.ServerProblem as problem:
        yield Remark("Server", str(problem), None, Part.NETWORK)
    else:
        words = "; ".join([health["status"], *health["problems"]])
        is_well = health["status"] in ("ok", "starting")
        yield Remark("Server", f"{client.address()}: {words}", is_well, Part.NETWORK)


def _catalogue(*, fix: bool) -> Iterator[Remark]:
    """Whether rows and disk agree; one remark if they do."""
    try:
        found = catalogue_check.findings(fix=fix)
    except client.ServerProblem as problem:
        yield Remark("Catalogue", str(problem), None, Part.MODELS)
        return
    for finding in found:
        remark = of_catalogue(finding)
        yield remark
    if not found:
        yield all_in_place()


def all_in_place() -> Remark:
    """The catalogue's word when there is nothing to say."""
    return Remark("Catalogue", "every model is where it should be", True, Part.MODELS)


def of_catalogue(finding: Mapping[str, Any], *, hint: str = " (--fix)") -> Remark:
    """A finding of the catalogue's doctor as a remark; `hint` says how to have it mended."""
    words = f"{finding['words']}: "
    if finding["done"]:
        return Remark(finding["subject"], words + finding["done"], True, Part.MODELS)
    can_be_fixed = bool(finding["can_be_fixed"])
    return Remark(
        finding["subject"],
        f"{words}{finding['advice']}{hint if can_be_fixed else ''}",
        False if finding["is_wrong"] else None,
        Part.MODELS,
        can_be_fixed=can_be_fixed,
    )
