"""Libraries that only some jobs need: found in a folder of their own, never in the server's way."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import ninja
import pytest
from filelock import FileLock

from inference.catalog import extras
from tests.appliance_process import ROOT


def test_compressing_libraries_leave_the_server_its_own_ninja(compress_extra: Path) -> None:
    assert extras.require(extras.COMPRESS) == (compress_extra,)
    assert (compress_extra / "ninja").is_dir(), "nncf needs it no more: the folder has no reason"
    assert compress_extra not in Path(ninja.__file__).parents


@pytest.mark.parametrize("extra", extras.EXTRAS.values(), ids=list(extras.EXTRAS))
def test_a_missing_extra_names_the_one_command_that_adds_it(
    extra: extras.Extra, tmp_path: Path, environment_variable: Callable[[str, str], None]
) -> None:
    environment_variable("NPUCONSOLE_EXTRAS", str(tmp_path))
    extra = extras.Extra(extra.name, ("no_such_package.at_all",))
    with pytest.raises(extras.ExtraMissing) as caught:
        extras.require(extra)
    assert caught.value.message.endswith(f"npuconsole extra {extra.name}")


def test_half_an_extra_is_none(
    tmp_path: Path, environment_variable: Callable[[str, str], None]
) -> None:
    environment_variable("NPUCONSOLE_EXTRAS", str(tmp_path))
    extra = extras.Extra("some", ("one_of_ours", "two_of_ours.inside"))
    (extra.folder / "one_of_ours").mkdir(parents=True)
    (extra.folder / "two_of_ours").mkdir()
    with pytest.raises(extras.ExtraMissing):
        extras.require(extra)
    (extra.folder / "two_of_ours" / "inside.py").touch()
    assert extras.require(extra) == (extra.folder,)


def test_an_extra_has_the_servers_openvino_and_another_one_is_refused(
    tmp_path: Path, environment_variable: Callable[[str, str], None]
) -> None:
    environment_variable("NPUCONSOLE_EXTRAS", str(tmp_path))
    ours = importlib.metadata.version("openvino")
    assert f"openvino=={ours}" in extras.requirements(extras.CONVERT)
    extra = extras.Extra("some", ("one_of_ours",), shared=("openvino",))
    (extra.folder / "one_of_ours").mkdir(parents=True)
    about = extra.folder / "openvino-1.dist-info" / "METADATA"
    about.parent.mkdir()
    about.write_text("Metadata-Version: 2.1\nName: openvino\nVersion: 2020.1\n")
    with pytest.raises(extras.ExtraMissing, match="another version of OpenVINO.*npuconsole extra"):
        extras.require(extra)
    about.write_text(f"Metadata-Version: 2.1\nName: openvino\nVersion: {ours}\n")
    assert extras.require(extra) == (extra.folder,)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All that pip can install from in a test: a folder, with one package that is an extra's."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name in list(os.environ):
        if name.startswith("PIP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    with zipfile.ZipFile(folder / "nncf-3.9-py3-none-any.whl", "w") as wheel:
        about = "nncf-3.9.dist-info"
        wheel.writestr("nncf/__init__.py", "")
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: nncf\nVersion: 3.9\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")
    return folder


@pytest.fixture
def place(tmp_path: Path, environment_variable: Callable[[str, str], None]) -> Path:
    """The folder of extras, with an older installation of one."""
    folder = tmp_path / "extras"
    environment_variable("NPUCONSOLE_EXTRAS", str(folder))
    (extras.COMPRESS.folder / "nncf").mkdir(parents=True)
    (extras.COMPRESS.folder / "nncf" / "old.py").touch()
    return folder


def contents(place: Path) -> list[str]:
    """What is in the folder of extras, but for the file that tells two commands apart."""
    return [path.name for path in place.iterdir() if path.suffix != ".lock"]


def test_a_new_installation_takes_the_place_of_the_old_one(
    index: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_by_a_kill = extras.COMPRESS.folder.with_name(f".{extras.COMPRESS.folder.name}")
    (left_by_a_kill / "made" / "nncf").mkdir(parents=True)
    # An owner's settings for other installations, and a folder with a trap.
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setenv("PIP_REQUIRE_VIRTUALENV", "1")
    (index / "pip.py").write_text("raise SystemExit('the wrong pip')")
    monkeypatch.chdir(index)

    extras.install(extras.COMPRESS)

    assert extras.require(extras.COMPRESS) == (extras.COMPRESS.folder,)
    assert (extras.COMPRESS.folder / "nncf" / "__init__.py").is_file()
    assert not (extras.COMPRESS.folder / "nncf" / "old.py").exists()
    assert contents(place) == [extras.COMPRESS.folder.name]


def test_a_failed_installation_leaves_what_was_there(index: Path, place: Path) -> None:
    (wheel,) = index.iterdir()
    wheel.unlink()
    with pytest.raises(extras.NotInstalled, match="compress"):
        extras.install(extras.COMPRESS)
    assert (extras.COMPRESS.folder / "nncf" / "old.py").is_file()
    assert contents(place) == [extras.COMPRESS.folder.name]


def test_what_cannot_be_put_aside_stays_whole(
    index: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(origin: Path, target: Path) -> None:
        """Windows, where a job has a library of the folder open."""
        raise PermissionError(13, "Access is denied")

    monkeypatch.setattr(extras, "rename", refuse)
    with pytest.raises(extras.NotInstalled, match="a job that runs has the installed one open"):
        extras.install(extras.COMPRESS)
    assert (extras.COMPRESS.folder / "nncf" / "old.py").is_file()
    assert contents(place) == [extras.COMPRESS.folder.name]


def test_two_commands_do_not_install_the_same_extra_at_once(index: Path, place: Path) -> None:
    lock = f".{extras.COMPRESS.folder.name}.lock"
    with (
        FileLock(place / lock),
        pytest.raises(extras.NotInstalled, match="another command installs"),
    ):
        extras.install(extras.COMPRESS)
    assert (extras.COMPRESS.folder / "nncf" / "old.py").is_file()


def test_a_checkout_that_is_not_installed_says_so(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_found(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", not_found)
    with pytest.raises(extras.NotInstalled, match=r"pip install -e \."):
        extras.install(extras.COMPRESS)


def test_a_place_that_cannot_be_made_is_one_line(
    tmp_path: Path, environment_variable: Callable[[str, str], None]
) -> None:
    environment_variable("NPUCONSOLE_EXTRAS", str(tmp_path / "extras"))
    place = extras.COMPRESS.folder.parent  # the variable is read and could be used
    place.write_text("a file")
    with pytest.raises(extras.NotInstalled, match="the folder of extras: "):
        extras.install(extras.COMPRESS)


def test_the_command_knows_its_extras() -> None:
    said = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "extra", "nothing"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode != 0
    assert "compress" in said.stderr and "convert" in said.stderr
