"""Variables: what each takes, what it overrides, and that rows yield to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference import environment
from inference.environment import UnusableVariable

SetVariable = Callable[[str, str], None]

USABLE: list[tuple[str, str, Any]] = [
    ("NPU_PROXY_HOST", "0.0.0.0", "0.0.0.0"),
    ("NPU_PROXY_HOST", "[::1]", "::1"),
    ("NPU_PROXY_HOST", "localhost", "localhost"),
    ("NPU_PROXY_PORT", "8080", 8080),
    ("NPU_PROXY_PORT", " 8080 ", 8080),
    ("NPU_PROXY_DEVICE", "gpu.1", "GPU.1"),
    ("NPU_PROXY_FALLBACK_DEVICE", "AUTO", "auto"),
    ("NPU_PROXY_FALLBACK_DEVICE", "cpu", "CPU"),
    ("NPU_PROXY_REAL_INFERENCE", "0", False),
    ("NPU_PROXY_REAL_INFERENCE", "True", True),
    ("NPU_PROXY_INFERENCE_TIMEOUT", "0.5", 0.5),
    ("NPU_PROXY_MAX_PROMPT_LEN", "2048", 2048),
    ("NPU_PROXY_TOKEN_LIMIT", "1", 1),
    ("NPU_PROXY_EMBEDDING_MODEL", "BAAI/bge-small-en-v1.5", "BAAI/bge-small-en-v1.5"),
    ("NPU_PROXY_EMBEDDING_DEVICE", "npu", "NPU"),
    ("NPU_PROXY_EMBEDDING_CACHE_SIZE", "0", 0),
    ("NPU_PROXY_LOG_LEVEL", "debug", "DEBUG"),
    ("NPUCONSOLE_EMULATE_NPU", "yes", True),
    ("NPUCONSOLE_ALLOWED_HOSTS", "Box.lan,.example.org,", "box.lan, .example.org"),
    (
        "NPUCONSOLE_ALLOWED_ORIGINS",
        "https://Chat.example.org, app://*, http://localhost:3000",
        "https://chat.example.org, app://*, http://localhost:3000",
    ),
    ("DATABASE_URL", "postgres://u:p@db:5432/x", "postgres://u:p@db:5432/x"),
]

ORIGINAL = (
    "NPU_PROXY_HOST",
    "NPU_PROXY_PORT",
    "NPU_PROXY_DEVICE",
    "NPU_PROXY_FALLBACK_DEVICE",
    "NPU_PROXY_REAL_INFERENCE",
    "NPU_PROXY_MODEL_PATH",
    "NPU_PROXY_INFERENCE_TIMEOUT",
    "NPU_PROXY_MAX_PROMPT_LEN",
    "NPU_PROXY_TOKEN_LIMIT",
    "NPU_PROXY_EMBEDDING_MODEL",
    "NPU_PROXY_EMBEDDING_DEVICE",
    "NPU_PROXY_EMBEDDING_CACHE_SIZE",
    "NPU_PROXY_LOG_LEVEL",
)


@pytest.mark.parametrize(("name", "text", "value"), USABLE)
def test_a_usable_value_is_read(
    environment_variable: SetVariable, name: str, text: str, value: Any
) -> None:
    environment_variable(name, text)

    assert environment.values()[name] == value


@pytest.mark.parametrize("name", [variable.name for variable in environment.VARIABLES])
def test_set_to_nothing_counts_as_not_set(environment_variable: SetVariable, name: str) -> None:
    environment_variable(name, "")

    assert name not in environment.values()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("NPU_PROXY_PORT", "٨٠"),  # digits, but no number of ours
        ("NPU_PROXY_PORT", "1_000"),
        ("NPU_PROXY_INFERENCE_TIMEOUT", "inf"),
        ("NPU_PROXY_DEVICE", "CPU; rm"),
        ("NPUCONSOLE_ALLOWED_HOSTS", "a b"),
        ("NPUCONSOLE_ALLOWED_ORIGINS", "example.org"),
        ("NPUCONSOLE_ALLOWED_ORIGINS", "https://example.org/path"),
        ("DATABASE_URL", "postgres://u:p@db:port/x"),
        ("DATABASE_URL", "postgres://u:p@db"),
    ],
)
def test_an_unusable_value_is_refused(
    environment_variable: SetVariable, name: str, text: str
) -> None:
    environment_variable(name, text)

    with pytest.raises(UnusableVariable, match=name):
        environment.values()


@given(text=st.text(min_size=1, max_size=200))
def test_no_text_breaks_a_parser(text: str) -> None:
    for variable in environment.VARIABLES:
        try:
            variable.parse(text)
        except (ValueError, OSError, RuntimeError):
            continue


def test_the_variables_of_the_original_are_all_known() -> None:
    names = {variable.name for variable in environment.VARIABLES}

    assert names >= set(ORIGINAL)


def test_locked_names_the_field_and_its_variable(environment_variable: SetVariable) -> None:
    environment_variable("NPU_PROXY_TOKEN_LIMIT", "900")

    assert environment.locked()["RoutingPolicy.token_limit"] == "NPU_PROXY_TOKEN_LIMIT"
    assert environment.overriding("RoutingPolicy.token_limit", 1800) == 900
    assert environment.overriding("RoutingPolicy.preferred_device", "NPU") == "NPU"


def test_models_lie_in_the_data_folder_unless_said_otherwise(
    environment_variable: SetVariable, tmp_path: Path
) -> None:
    environment_variable("NPUCONSOLE_HOME", str(tmp_path))
    assert environment.models_folder() == tmp_path / "models"

    environment_variable("NPU_PROXY_MODEL_PATH", str(tmp_path / "elsewhere"))
    assert environment.models_folder() == tmp_path / "elsewhere"
