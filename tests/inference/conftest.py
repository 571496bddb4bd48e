"""The real starter model for tests that talk to engines without a server in between."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from tokenizers import Tokenizer


@pytest.fixture(scope="session")
def starter_folder(starter_home: Path) -> Path:
    """The installed starter's model folder."""
    return next((starter_home / "models" / "installed").iterdir())


@pytest.fixture(scope="session")
def tokenizer(starter_folder: Path) -> Tokenizer:
    """The starter's tokenizer, to make prompts of exact lengths."""
    return Tokenizer.from_file(str(starter_folder / "tokenizer.json"))


def engines_of_ours() -> list[psutil.Process]:
    """The engine processes that this process started itself; those of servers do not count."""
    found = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):  # one that ends just now is none
            if "inference.worker" in " ".join(child.cmdline()):
                found.append(child)
    return found


def chat_ids(tokenizer: Tokenizer, text: str) -> list[int]:
    """A user's turn as the starter's template renders it."""
    prompt = "<|im_start|>system\nYou are a helpful AI assistant named SmolLM<|im_end|>\n"
    prompt += f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n"
    return list(tokenizer.encode(prompt, add_special_tokens=False).ids)


@pytest.fixture
def starter_rows(
    rows: None, starter_folder: Path, environment_variable: Callable[[str, str], None]
) -> None:
    """The starter in the database, the machine's CPU, an emulated NPU, and prompt limits that make
    measuring them quick."""
    from inference import configuration, snapshot
    from inference.catalog.manifest import read_manifest
    from inference.devices import store
    from inference.models import DevicePolicy, Model, ModelVariant
    from inference.probing import Finding

    environment_variable("NPUCONSOLE_EMULATE_NPU", "1")
    environment_variable("NPU_PROXY_TOKEN_LIMIT", "200")
    installed = read_manifest(starter_folder)
    assert installed is not None
    model = Model.objects.create(
        name="smollm2:135m",
        status="ready",
        family="llama",
        digest=installed.digest,
        context_length=8192,
        capabilities=["completion"],
    )
    ModelVariant.objects.create(
        model=model,
        folder=str(starter_folder),
        weight_format=installed.weight_format,
        size_bytes=installed.size_bytes,
    )
    store([Finding("CPU", "A processor", "", {"plugin": "1"})])
    DevicePolicy.objects.filter(device__name="CPU").update(max_prompt_len=128)
    snapshot.replace_with(configuration.load())
