"""What the appliance needs of this machine: versions, variables, folders, device nodes, a port.

Looks at files and packages only, so that the command line and the server say the same. Everything
blocks for milliseconds. `hardware` knows Linux; elsewhere the devices' own words must do.
"""

from __future__ import annotations

import os
import platform
import stat
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from inference import absence, environment
from inference.disk import free_bytes, nearest_folder
from npuconsole import __version__, listening
from npuconsole.remarks import Part, Remark

FREE_GIGABYTES = 2.0  # the starter, its import, and room for a second model
_ENGINE = ("openvino", "openvino-genai", "openvino-tokenizers")
_INTEL = "0x8086"


@dataclass(frozen=True, slots=True)
class _Kind:
    """A device class as Linux shows it: PCI classes, where its nodes are, its kernel drivers."""

    name: str
    pci_classes: tuple[str, ...]
    folder: str
    pattern: str
    drivers: tuple[str, ...]


_KINDS = (
    _Kind("NPU", ("0x1200",), "dev/accel", "accel*", ("intel_vpu",)),
    _Kind("GPU", ("0x0300", "0x0380"), "dev/dri", "renderD*", ("i915", "xe")),
)


def software() -> Iterator[Remark]:
    """Versions, and whether those that must fit do."""
    yield Remark("npuconsole", __version__)
    yield Remark("Python", f"{platform.python_version()} on {platform.platform(terse=True)}")
    versions = {name: metadata.version(name) for name in _ENGINE}
    words = ", ".join(f"{name} {version}" for name, version in versions.items())
    series = {".".join(version.split(".")[:2]) for version in versions.values()}
    if len(series) == 1:
        yield Remark("OpenVINO", words)
    else:
        newest = max(versions.values())
        pins = " ".join(f"'{name}=={newest.split('-')[0]}.*'" for name in _ENGINE)
        yield Remark(
            "OpenVINO",
            f"{words}: they are of different releases and may not load",
            False,
            command=f"pip install --upgrade {pins}",
        )


def variables() -> Iterator[Remark]:
    """Which variables are set, and which were meant to be."""
    if names := sorted(environment.values()):
        yield Remark("Variables", f"set: {', '.join(names)}", None)
    for name in environment.unknown():
        words = f"{name} is set, but npuconsole knows no such variable"
        yield Remark("Variables", words, False)


def storage() -> Iterator[Remark]:
    """Whether data and models can be written, and the room that is left."""
    yield _folder("Data folder", environment.home(), "NPUCONSOLE_HOME")
    yield _folder("Models folder", environment.models_folder(), "NPU_PROXY_MODEL_PATH")


def _folder(subject: str, path: Path, variable: str) -> Remark:
    """Whether files can be made there, or in the nearest folder that exists."""
    free = free_bytes(path) / 1e9
    if not os.access(nearest_folder(path), os.W_OK):
        words = f"{path} cannot be written; {variable} can name another"
        return Remark(subject, words, False, Part.STORAGE)
    words = f"{path}, {free:.1f} GB free"
    if free < FREE_GIGABYTES:
        words += f": less than the {FREE_GIGABYTES:.0f} GB that a small model needs"
        return Remark(subject, words, False, Part.STORAGE)
    return Remark(subject, words, True, Part.STORAGE)


def port(host: str, number: int) -> Remark:
    """Whether a server that does not run could listen there."""
    problem = listening.problem_with(host, number)
    if problem:
        return Remark("Port", f"{problem} NPU_PROXY_PORT can name another.", False, Part.NETWORK)
    return Remark("Port", f"{number} on {host} is free", True, Part.NETWORK)


def listens_at(place: listening.Place) -> Remark:
    """Who can reach the server that runs here."""
    where = f"listens on {place.host}, port {place.port}"
    if place.is_only_here:
        return Remark("Port", f"{where}: this machine only", True, Part.NETWORK)
    words = (
        f"{where}: other machines reach the models without a password, if the firewall lets them"
    )
    return Remark("Port", words, None, Part.NETWORK)


def present(name: str, full_name: str, driver: str) -> Remark:
    """A device that OpenVINO found."""
    said = f", driver {driver}" if driver else ""
    return Remark(name, f"{full_name}{said}", True, Part.DEVICES)


def absent(names: Iterable[str]) -> Iterator[Remark]:
    """The device classes that are not among those names, each with the reason."""
    found = sorted(names)
    classes = {name.partition(".")[0] for name in found}
    for name in ("NPU", "GPU", "CPU"):
        if name not in classes:
            words = absence.explain(name, found)
            yield Remark(name, words, False if name == "CPU" else None, Part.DEVICES)


def hardware(root: Path = Path("/")) -> Iterator[Remark]:
    """What Linux shows of Intel's NPU and GPU: the hardware, its kernel driver, its nodes and who
    may open them. Nothing on other systems."""
    if not sys.platform.startswith("linux"):
        return
    for kind in _KINDS:
        yield from _hardware_of(kind, root)


def _hardware_of(kind: _Kind, root: Path) -> Iterator[Remark]:
    subject = f"{kind.name} hardware"
    for device in sorted((root / "sys/bus/pci/devices").glob("*")):
        if (
            _read(device / "vendor") != _INTEL
            or _read(device / "class")[:6] not in kind.pci_classes
        ):
            continue
        driver = (device / "driver").resolve().name if (device / "driver").exists() else ""
        identity = f"Intel {kind.name}, PCI {device.name}, {_read(device / 'device')}"
        if driver:
            yield Remark(subject, f"{identity}, kernel driver {driver}", True, Part.DEVICES)
        else:
            words = f"{identity}: no kernel driver has it; Linux 6.8 or newer brings one"
            command = f"sudo modprobe {kind.drivers[0]}"
            yield Remark(subject, words, False, Part.DEVICES, command)
    for node in sorted((root / kind.folder).glob(kind.pattern)):
        yield _node(f"{kind.name} node", node)


def _node(subject: str, node: Path) -> Remark:
    """One device file, and whether this process may open it."""
    found = node.stat()
    group = _group(found.st_gid)
    words = f"/{'/'.join(node.parts[-3:])}, {stat.filemode(found.st_mode)}, group {group}"
    if os.access(node, os.R_OK | os.W_OK):
        return Remark(subject, words, True, Part.DEVICES)
    return Remark(
        subject,
        f"{words}: this user may not open it; join the group and log in again",
        False,
        Part.DEVICES,
        f"sudo usermod -aG {group} $USER",
    )


def _group(number: int) -> str:
    try:
        import grp

        return grp.getgrgid(number).gr_name
    except (ImportError, KeyError):
        return str(number)


def _read(file: Path) -> str:
    try:
        return file.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
