"""Libraries that only some jobs' children need, in folders of their own in the data folder.

They are not put into the server's environment, because they would change it: nncf brings a package
called `ninja`, whose files overwrite django-ninja's, and optimum-intel chooses other versions of
what the server uses. A child that needs an extra finds its folder first on the module path.

Who installed an extra into a fresh environment together with the server needs no folder.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path

from filelock import FileLock, Timeout

from inference import environment
from inference.catalog.renaming import rename
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

# An owner's settings for other installations, with which pip refuses a folder of ours.
_PIP_SETTINGS = {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"}


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
    the new one is complete; a server that runs finds it at once. Raises NotInstalled."""
    if importlib.util.find_spec("pip") is None:
        raise NotInstalled("this Python has no pip; python -m ensurepip adds it")
    wanted = requirements(extra)
    work = extra.folder.with_name(f".{extra.folder.name}")
    lock = work.with_name(f"{work.name}.lock")
    try:
        work.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(lock, timeout=0):
            shutil.rmtree(work, ignore_errors=True)  # of a command that was killed
            try:
                _install(extra, wanted, work)
            finally:
                shutil.rmtree(work, ignore_errors=True)
    except Timeout:
        raise NotInstalled(f"another command installs the extra {extra.name!r} now") from None
    except OSError as error:
        raise NotInstalled(f"the folder of extras: {error.strerror}") from error


def requirements(extra: Extra) -> list[str]:
    """What it consists of, as the package's metadata says, such as `nncf<4,>=3.4`, and what it
    shares with the server in the server's version. Raises NotInstalled."""
    marked = re.compile(rf"(.+?)\s*;\s*extra == ['\"]{extra.name}['\"]")
    found = [match[1] for text in _our_requirements() if (match := marked.fullmatch(text))]
    if not found:
        raise NotInstalled(
            "no installed npuconsole says what the extra consists of: this Python has none, or an "
            "older one; in a checkout: pip install -e ."
        )
    return [*found, *(f"{name}=={importlib.metadata.version(name)}" for name in extra.shared)]


def _our_requirements() -> list[str]:
    try:
        return importlib.metadata.requires("npuconsole") or []
    except importlib.metadata.PackageNotFoundError:  # a checkout that only the path leads to
        return []


def _install(extra: Extra, wanted: Sequence[str], work: Path) -> None:
    made, temporary = work / "made", work / "tmp"
    temporary.mkdir(parents=True)
    # -P keeps the working directory off the module path, where anyone could have put a pip.py.
    command = [sys.executable, "-P", "-m", "pip", "install", "--disable-pip-version-check"]
    ended = subprocess.run(
        [*command, "--target", str(made), *wanted],
        env={**os.environ, **_PIP_SETTINGS, **_temporary_files_in(temporary)},
        check=False,
    )
    if ended.returncode != 0 or not all(_is_in(made, name) for name in extra.modules):
        raise NotInstalled(f"pip could not install the extra {extra.name!r}; see its words")
    _replace(extra.folder, made, work / "old")


def _temporary_files_in(folder: Path) -> dict[str, str]:
    """pip unpacks gigabytes there first, and /tmp is often no larger than half of the memory. On
    Windows it never is, and the paths below it are long enough."""
    return {} if sys.platform == "win32" else {"TMPDIR": str(folder)}


def _replace(folder: Path, new: Path, aside: Path) -> None:
    """`new` becomes `folder`, and what that was, if anything, becomes `aside`."""
    if not folder.exists():
        rename(new, folder)
        return
    try:
        rename(folder, aside)
    except PermissionError:
        raise NotInstalled(
            "a job that runs has the installed one open; install again when it has ended"
        ) from None
    try:
        rename(new, folder)
    except OSError:
        rename(aside, folder)
        raise


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
