"""What stops the start: always one line that names the thing, its value and what is allowed."""

from __future__ import annotations

import importlib.util
import re
import sqlite3
import sys
from pathlib import Path

import pytest

from tests.appliance_process import Appliance, spawn

UNUSABLE = [
    ("NPU_PROXY_HOST", "no such host", "an address or name of this machine"),
    ("NPU_PROXY_HOST", "203.0.113.7", "an address or name of this machine"),
    ("NPU_PROXY_HOST", "host.invalid", "an address or name of this machine"),
    ("NPU_PROXY_PORT", "http", "0 (any free port) to 65535"),
    ("NPU_PROXY_PORT", "65536", "0 (any free port) to 65535"),
    ("NPU_PROXY_DEVICE", "TPU", "NPU, GPU, CPU"),
    ("NPU_PROXY_FALLBACK_DEVICE", "none", "auto, NPU, GPU, CPU"),
    ("NPU_PROXY_REAL_INFERENCE", "maybe", "1 or 0"),
    ("NPU_PROXY_INFERENCE_TIMEOUT", "0", "seconds, above 0"),
    ("NPU_PROXY_INFERENCE_TIMEOUT", "nan", "seconds, above 0"),
    ("NPU_PROXY_MAX_PROMPT_LEN", "4k", "from 16 to 1048576"),
    ("NPU_PROXY_TOKEN_LIMIT", "-1", "from 1 to 1048576"),
    ("NPU_PROXY_EMBEDDING_MODEL", "a b", "the name of a model"),
    ("NPU_PROXY_EMBEDDING_DEVICE", "GPU.x", "NPU, GPU, CPU"),
    ("NPU_PROXY_EMBEDDING_CACHE_SIZE", "1e3", "from 0 to"),
    ("NPU_PROXY_LOG_LEVEL", "LOUD", "DEBUG, INFO, WARNING"),
    ("NPUCONSOLE_EMULATE_NPU", "2", "1 or 0"),
]


def refusal(home: Path, **variables: str) -> str:
    """The only line of a start that was refused."""
    process = spawn(home, **variables)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 1, output
    slow_step = re.compile(r"npuconsole: .+( \.\.\.| took [\d.]+ s)")
    (line,) = (line for line in output.splitlines() if not slow_step.fullmatch(line))
    return line


@pytest.mark.parametrize(("name", "value", "allowed"), UNUSABLE)
def test_an_unusable_variable_is_one_line_with_name_value_and_what_is_allowed(
    tmp_path: Path, name: str, value: str, allowed: str
) -> None:
    line = refusal(tmp_path / "home", **{name: value})

    assert f"{name}={value!r} cannot be used; allowed: " in line
    assert allowed in line


@pytest.mark.parametrize("name", ["NPUCONSOLE_HOME", "NPU_PROXY_MODEL_PATH"])
def test_a_file_cannot_be_a_folder(tmp_path: Path, name: str) -> None:
    file = tmp_path / "file"
    file.touch()

    assert f"{name}={str(file)!r} cannot be used; allowed: a folder" in refusal(
        tmp_path / "home", **{name: str(file)}
    )


def test_a_database_url_is_refused_without_showing_its_password(tmp_path: Path) -> None:
    line = refusal(tmp_path / "home", DATABASE_URL="mysql://me:hunter2@db/x")

    assert line.startswith(
        "npuconsole: DATABASE_URL='(hidden)' cannot be used; allowed: postgresql://"
    )
    assert "hunter2" not in line


def test_a_database_that_does_not_answer_is_one_line(tmp_path: Path) -> None:
    line = refusal(tmp_path / "home", DATABASE_URL="postgresql://me:hunter2@127.0.0.1:9/x")

    if importlib.util.find_spec("psycopg") is None:
        assert "pip install 'npuconsole[postgres]'" in line
    else:
        assert line.startswith("npuconsole: The database given by DATABASE_URL cannot be used: ")
    assert "hunter2" not in line


def test_a_damaged_database_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "npuconsole.sqlite3").write_bytes(b"not a database" * 100)

    assert "npuconsole.sqlite3 cannot be used: file is not a database" in refusal(tmp_path)


def test_a_database_of_a_newer_version_is_one_line(tmp_path: Path) -> None:
    Appliance.start(tmp_path).stop()
    with sqlite3.connect(tmp_path / "npuconsole.sqlite3") as connection:
        connection.execute(
            "INSERT INTO django_migrations (app, name, applied) "
            "VALUES ('inference', '9999_from_the_future', '2030-01-01')"
        )

    assert "made by a newer npuconsole (it has 9999_from_the_future)" in refusal(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="needs a place where not even root may write")
@pytest.mark.parametrize(
    ("name", "what"), [("NPUCONSOLE_HOME", "data"), ("NPU_PROXY_MODEL_PATH", "models")]
)
def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path, name: str, what: str) -> None:
    line = refusal(tmp_path / "home", **{name: "/proc/npuconsole"})

    assert line.startswith(f"npuconsole: The {what} folder /proc/npuconsole cannot be used: ")
    assert name in line


def test_another_package_in_the_place_of_django_ninja_is_named(tmp_path: Path) -> None:
    (tmp_path / "path" / "ninja").mkdir(parents=True)
    (tmp_path / "path" / "ninja" / "__init__.py").touch()

    line = refusal(tmp_path / "home", PYTHONPATH=str(tmp_path / "path"))

    assert "pip install --force-reinstall --no-deps django-ninja" in line
