"""What `pip install .` gives: one wheel with code, templates and static files, that works alone."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PARTS = ("npuconsole", "inference", "apis", "templates", "static", "packaging")
FILES = ("pyproject.toml", "README.md", "LICENSE", "manage.py")
ENTRIES = {
    *("manage.py", "npuconsole", "inference", "apis", "templates", "static", "tests"),
    *("benchmarks", "packaging", "docs", "pyproject.toml", "README.md", "LICENSE", ".ci"),
    ".gitignore",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the checkout, so that no earlier build is in it."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for part in PARTS:
        shutil.copytree(
            ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
        )
    for file in FILES:
        shutil.copy2(ROOT / file, source)
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", str(folder), str(source)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (found,) = folder.glob("npuconsole-*.whl")
    return found


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def files_below(folder: str) -> list[Path]:
    return [
        path.relative_to(ROOT / folder)
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]


@pytest.mark.parametrize("folder", ["templates", "static"])
def test_the_wheel_has_every_template_and_static_file(names: set[str], folder: str) -> None:
    expected = {f"npuconsole/_{folder}/{path.as_posix()}" for path in files_below(folder)}

    assert expected
    assert expected - names == set()


@pytest.mark.parametrize("package", ["npuconsole", "inference", "apis"])
def test_the_wheel_has_every_module_and_says_that_it_is_typed(
    names: set[str], package: str
) -> None:
    expected = {f"{package}/{path.as_posix()}" for path in files_below(package)}

    assert {name for name in expected - names if not name.startswith("npuconsole/_")} == set()
    assert f"{package}/py.typed" in names


def test_the_wheel_has_nothing_else(names: set[str]) -> None:
    tops = {name.partition("/")[0] for name in names}

    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "npuconsole",
        "inference",
        "apis",
    }


def test_the_installed_command_finds_its_templates_and_static_files(
    wheel: Path, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "import django; django.setup()\n"
        "from django.contrib.staticfiles import finders\n"
        "from django.template.loader import get_template\n"
        "print(get_template('console/base.html').origin.name)\n"
        "print(finders.find('console/css/tokens.css'))\n"
        "import npuconsole.cli; npuconsole.cli.main()\n"
    )

    done = subprocess.run(
        [sys.executable, "-P", "-c", code, "version"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    template, style, version = done.stdout.splitlines()
    assert Path(template) == site / "npuconsole/_templates/console/base.html"
    assert Path(style) == site / "npuconsole/_static/console/css/tokens.css"
    assert version == "0.1.0"


def test_the_top_of_the_checkout_has_exactly_its_entries() -> None:
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)

    assert {line.partition("/")[0] for line in done.stdout.splitlines()} <= ENTRIES
