"""Libraries that only some jobs need: found in a folder of their own, never in the server's way."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import ninja
import pytest

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


def test_a_failed_installation_leaves_what_was_there(
    tmp_path: Path,
    environment_variable: Callable[[str, str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environment_variable("NPUCONSOLE_EXTRAS", str(tmp_path))
    (extras.COMPRESS.folder / "nncf").mkdir(parents=True)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    with pytest.raises(extras.NotInstalled, match="compress"):
        extras.install(extras.COMPRESS)
    assert [path.name for path in tmp_path.iterdir()] == [extras.COMPRESS.folder.name]


def test_the_command_knows_its_extras() -> None:
    said = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "extra", "nothing"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode != 0
    assert "compress" in said.stderr and "convert" in said.stderr
