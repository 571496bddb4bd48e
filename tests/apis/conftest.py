"""The API's tests ask one real server with the starter on the CPU, which batches requests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest

from tests.appliance_process import Appliance, copy_home, polls
from tests.catalog.minilm_files import minilm_files
from tests.catalog.tiny_encoder import break_word, write_encoder

MODEL = "smollm2:135m"
ENCODER = "all-minilm"
BROKEN_ENCODER = "broken-encoder"
"""Its vector of every text with an h is no number."""


@pytest.fixture(scope="session")
def api(starter_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """The server that most of these tests share; none of them may change it for the others."""
    home = copy_home(starter_home, tmp_path_factory.mktemp("apis") / "home")
    appliance = Appliance.start(home, NPU_PROXY_DEVICE="CPU")
    appliance.wait_until_started()
    yield appliance
    appliance.stop()


@pytest.fixture
def client(api: Appliance) -> Iterator[httpx.Client]:
    """An HTTP client of that server that adds nothing of its own."""
    with api.client() as client:
        yield client


@pytest.fixture
def sdk(api: Appliance) -> openai.OpenAI:
    """OpenAI's own client of that server."""
    return openai.OpenAI(
        base_url=f"{api.url}/v1",
        api_key="dummy",
        timeout=120,
        max_retries=0,
        http_client=openai.DefaultHttpxClient(trust_env=False),
    )


def log_lines(appliance: Appliance, request_id: str) -> list[str]:
    """What the server's log says about a request; waits a moment for the first line."""
    for _ in polls(1.0, pause=0.02):
        if lines := [line for line in appliance.lines if request_id in line]:
            return lines
    return []


@pytest.fixture(scope="session")
def encoder_home(starter_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the starter and all-MiniLM-L6-v2, which a real server imported from its
    files. Servers get a copy of it."""
    home = copy_home(starter_home, tmp_path_factory.mktemp("encoder") / "home")
    drop = home / "models" / "import"
    shutil.copytree(minilm_files(), drop / ENCODER)
    write_encoder(drop / BROKEN_ENCODER)
    appliance = Appliance.start(home)
    try:
        appliance.wait_until_started()
        with appliance.client() as client:
            for name in (ENCODER, BROKEN_ENCODER):
                body = {"model": f"file:{name}", "stream": False}
                assert client.post("/api/pull", json=body).json() == {"status": "success"}
    finally:
        appliance.stop()
    (broken,) = (home / "models" / "installed").glob(f"{BROKEN_ENCODER}*")
    break_word(broken, "h")
    return home


@pytest.fixture(scope="session")
def encoder_api(
    encoder_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Appliance]:
    """A server with both models on the CPU; shared like `api`."""
    home = copy_home(encoder_home, tmp_path_factory.mktemp("encoder-api") / "home")
    appliance = Appliance.start(home, NPU_PROXY_DEVICE="CPU")
    appliance.wait_until_started()
    yield appliance
    appliance.stop()
