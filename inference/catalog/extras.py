"""Libraries that only some jobs' children need, in folders of their own beside the models.

They are not put into the server's environment, because they would change it: nncf brings a package
called `ninja`, whose files overwrite django-ninja's, and optimum-intel chooses other versions of
what the server uses. A child that needs an extra finds its folder first on the module path.

Who installed an extra into a fresh environment together with the server needs no folder.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
import sys
import uuid
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path

from inference import environment
from inference.errors import InvalidRequest


class ExtraMissing(InvalidRequest):
    """What was asked for needs packages that are not installed; the text names the command."""

    code = "extra_missing"


class NotInstalled(Exception):
    """pip did not install an extra; the text is one line to show."""


@dataclass(frozen=True, slots=True)
class Extra:
    """One of the package's optional dependencies, and modules that are there when it is."""

    name: str
    modules: tuple[str, ...]
    shared: tuple[str, ...] = ()
    """What it brings that the child mixes with the server's own packages, and that must therefore
    be of their version: OpenVINO is loaded by both."""

    @property
    def folder(self) -> Path:
        """Where it is installed. Versions of Python do not share one."""
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        return environment.extras_folder() / f"{self.name}-{version}"


COMPRESS = Extra("compress", ("nncf",))
CONVERT = Extra(
    "convert", ("optimum.intel", "torch", "nncf"), shared=("openvino", "openvino-tokenizers")
)
EXTRAS = {extra.name: extra for extra in (COMPRESS, CONVERT)}


def require(extra: Extra) -> tuple[Path, ...]:
    """What a child that needs the extra must have first on its module path: its folder, or nothing
    where the environment itself has it. Raises ExtraMissing."""
    if extra.folder.is_dir() and all(_is_in(extra.folder, name) for name in extra.modules):
        if not _is_of_our_versions(extra):
            raise ExtraMissing(
                f"the extra {extra.name!r} was installed for another version of OpenVINO; "
                f"install it again with: npuconsole extra {extra.name}"
            )
        return (extra.folder,)
    if all(_is_importable(name) for name in extra.modules):
        return ()
    raise ExtraMissing(
        f"this needs the extra {extra.name!r}; install it with: npuconsole extra {extra.name}"
    )


def install(extra: Extra) -> None:
    """Have pip install it, whose words go to the terminal; minutes. What was there is replaced when
    the new one is complete. Raises NotInstalled."""
    if importlib.util.find_spec("pip") is None:
        raise NotInstalled("this Python has no pip; python -m ensurepip adds it")
    extra.folder.parent.mkdir(parents=True, exist_ok=True)
    work = extra.folder.with_name(f".{extra.folder.name}-{uuid.uuid4().hex[:12]}")
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
    try:
        ended = subprocess.run([*command, "--target", str(work), *requirements(extra)], check=False)
        if ended.returncode != 0 or not work.is_dir():
            raise NotInstalled(f"pip could not install the extra {extra.name!r}; see its words")
        shutil.rmtree(extra.folder, ignore_errors=True)
        work.replace(extra.folder)
    except OSError as error:
        raise NotInstalled(f"the folder of extras: {error.strerror}") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def requirements(extra: Extra) -> list[str]:
    """What it consists of, as the package's metadata says, such as `nncf<4,>=3.4`, and what it
    shares with the server in the server's version."""
    marked = re.compile(rf"(.+?)\s*;\s*extra == ['\"]{extra.name}['\"]")
    found = (marked.fullmatch(text) for text in importlib.metadata.requires("npuconsole") or ())
    pinned = [f"{name}=={importlib.metadata.version(name)}" for name in extra.shared]
    return [*(match[1] for match in found if match), *pinned]


def _is_of_our_versions(extra: Extra) -> bool:
    there = importlib.metadata.distributions(path=[str(extra.folder)])
    versions = {each.name.lower().replace("_", "-"): each.version for each in there}
    ours = {name: importlib.metadata.version(name) for name in extra.shared}
    return all(versions.get(name, own) == own for name, own in ours.items())


def _is_in(folder: Path, module: str) -> bool:
    where: list[str] | None = [str(folder)]
    for depth in range(1, module.count(".") + 2):
        spec = PathFinder.find_spec(".".join(module.split(".")[:depth]), where)
        if spec is None:
            return False
        where = list(spec.submodule_search_locations or ())
    return True


def _is_importable(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # not even the package that it would be in
        return False
