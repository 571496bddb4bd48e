"""The API's tests ask one real server with the starter on the CPU, which batches requests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.appliance_process import Appliance, copy_home, polls

MODEL = "smollm2:135m"


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


def log_lines(appliance: Appliance, request_id: str) -> list[str]:
    """What the server's log says about a request; waits a moment for the first line."""
    for _ in polls(1.0, pause=0.02):
        if lines := [line for line in appliance.lines if request_id in line]:
            return lines
    return []
