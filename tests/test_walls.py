"""The walls between the rooms: imports point one way (docs/architecture.md)."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("npuconsole", "inference", "apis")

# What a file may not import, by where it is.
WALLS = [
    ("inference", ("apis", "npuconsole")),
    ("inference/worker", ("django", "apis", "npuconsole", "ninja", "channels")),
    ("inference/router.py", ("django", "asyncio")),
    ("inference/routing", ("django", "asyncio")),
    ("inference/prediction.py", ("django", "asyncio")),
    ("inference/environment.py", ("django",)),
    ("inference/probing.py", ("django",)),
    ("apis", ("npuconsole", "inference.residency", "inference.models")),
    ("npuconsole", ("inference.residency",)),
    ("npuconsole", ("openvino", "openvino_genai", "openvino_tokenizers")),
    ("apis", ("openvino", "openvino_genai", "openvino_tokenizers")),
]
ONLY_THE_PROTOCOL = ("inference.worker", "inference.worker.protocol")


def python_files(place: str) -> list[Path]:
    path = ROOT / place
    return [path] if path.suffix == ".py" else sorted(path.rglob("*.py"))


def imports_of(path: Path) -> set[str]:
    """The full names of all modules a file imports, wherever in the file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides which room it is"
            found.add(node.module or "")
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def is_inside(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


@pytest.mark.parametrize(("place", "forbidden"), WALLS)
def test_no_import_goes_through_a_wall(place: str, forbidden: tuple[str, ...]) -> None:
    files = python_files(place)
    assert files
    through = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in files
        for module in imports_of(path)
        for package in forbidden
        if is_inside(module, package)
    ]

    assert through == []


def test_the_worker_imports_nothing_of_the_engine_app_but_itself() -> None:
    through = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in python_files("inference/worker")
        for module in imports_of(path)
        if is_inside(module, "inference")
        and module != "inference"
        and not is_inside(module, "inference.worker")
    ]

    assert through == []


def test_only_the_residency_speaks_with_workers() -> None:
    """Others see the protocol's values at most."""
    through = [
        f"{path.relative_to(ROOT)} imports {module}"
        for room in ("apis", "npuconsole")
        for path in python_files(room)
        for module in imports_of(path)
        if is_inside(module, "inference.worker")
        and not is_inside(module, "inference.worker.protocol")
        and module != "inference.worker"
    ]

    assert through == []


def test_the_server_loads_neither_openvino_nor_the_hub_client_at_its_start(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "import npuconsole.server, npuconsole.asgi, inference.dispatch, inference.catalog.jobs\n"
        "names = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(names & {'openvino', 'openvino_genai', 'openvino_tokenizers',"
        " 'huggingface_hub', 'torch', 'transformers'}))\n"
    )
    setup = "import django; django.setup()\n"

    done = subprocess.run(
        [sys.executable, "-c", setup + code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_no_file_is_longer_than_400_lines() -> None:
    files = [path for room in ROOMS for path in python_files(room)]
    files += [path for kind in ("*.css", "*.js") for path in (ROOT / "static").rglob(kind)]
    long = {
        str(path.relative_to(ROOT)): count
        for path in files
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }

    assert long == {}
