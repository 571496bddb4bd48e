"""Models from a hub on loopback, pulled on a real server by Ollama's own client, answered with,
and steered on the admin's pages."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import httpx
import ollama
import pytest

from tests.apis.conftest import MODEL
from tests.appliance_process import Appliance, change_rows, copy_home
from tests.catalog.exports import write_export
from tests.catalog.loopback_hub import LoopbackHub, Misbehaviour

NAME = "someone/smol-int4-ov"
FILES = 30
ADMIN = "/admin/inference/pulljob/"
GREEDY = {"num_predict": 8, "temperature": 0}
OWNER = (
    "from django.contrib.auth.models import User; "
    "User.objects.create_superuser('owner', password='a')"
)


@pytest.fixture(scope="module")
def loopback(starter_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackHub]:
    """A hub with the starter's files and others, many of them small."""
    (starter,) = (starter_home / "models" / "installed").iterdir()
    folder = tmp_path_factory.mktemp("hub") / "export"
    write_export(folder, starter, files=FILES, size_bytes=150_000_000, seed=3)
    server = LoopbackHub({NAME: folder, "someone/other-ov": folder})
    yield server
    server.close()


@pytest.fixture(scope="module")
def appliance(
    starter_home: Path, loopback: LoopbackHub, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Appliance]:
    home = copy_home(starter_home, tmp_path_factory.mktemp("pulls") / "home")
    change_rows(home, OWNER)
    server = Appliance.start(home, NPU_PROXY_DEVICE="CPU", HF_ENDPOINT=loopback.url)
    server.wait_until_started()
    yield server
    server.stop()


@pytest.fixture
def asking(appliance: Appliance) -> Iterator[httpx.Client]:
    with appliance.client() as client:
        yield client


@pytest.fixture
def hub(loopback: LoopbackHub) -> Iterator[LoopbackHub]:
    """The hub; what it does wrong is forgotten after the test."""
    yield loopback
    loopback.misbehaviour = Misbehaviour()


def test_ollamas_client_leaves_a_pull_and_joins_it_again_and_the_model_answers(
    appliance: Appliance, hub: LoopbackHub
) -> None:
    sdk = ollama.Client(host=appliance.url, timeout=120, trust_env=False)
    hub.misbehaviour.bytes_per_second = 40_000_000
    leaving = sdk.pull(NAME, stream=True)
    seen = list(takewhile(lambda line: not line.completed, leaving))
    assert seen[0].status == "pulling manifest"
    leaving.close()  # type: ignore[attr-defined]  # a generator: its connection is closed

    lines = list(sdk.pull(NAME, stream=True))

    assert [line.status for line in (lines[0], *lines[-3:])] == [
        "pulling manifest",
        "verifying sha256 digest",
        "writing manifest",
        "success",
    ]
    bars: dict[str, list[ollama.ProgressResponse]] = {}
    for line in lines:
        if line.digest:
            assert line.status == f"pulling {line.digest.removeprefix('sha256:')[:12]}"
            bars.setdefault(line.digest, []).append(line)
    assert len(bars) == FILES
    assert all(bar[-1].completed == bar[-1].total for bar in bars.values())
    assert all(len({line.total for line in bar}) == 1 for bar in bars.values())
    fetched = [line.split()[1] for line in hub.requests if line.startswith("GET /store/")]
    assert len(fetched) == len(set(fetched)), "the second client shared what the first had begun"

    def words(model: str) -> str | None:
        messages = [{"role": "user", "content": "Say hello."}]
        return sdk.chat(model, messages, options=GREEDY).message.content

    assert words(NAME) == words(MODEL), "it is the starter, by way of the hub"
    assert sdk.pull(NAME).status == "success", "it is there, and no hub is asked for it"


@pytest.mark.parametrize(
    ("wrong", "status", "words"),
    [
        ({"is_gated": True}, 502, "accept its terms there and set HF_TOKEN"),
        ({"status": 429}, 502, "429, too many requests: wait a while, or set HF_TOKEN"),
        ({"status": 503}, 502, "503: try again later, or set HF_ENDPOINT to a mirror"),
        ({"is_silent": True}, 502, "set HF_ENDPOINT to a mirror, or put the model into the import"),
    ],
)
def test_a_client_hears_what_to_do_about_a_hub_that_fails(
    asking: httpx.Client, hub: LoopbackHub, wrong: dict[str, bool], status: int, words: str
) -> None:
    hub.misbehaviour = Misbehaviour(**wrong)  # type: ignore[arg-type]

    answer = asking.post("/api/pull", json={"model": "someone/other-ov", "stream": False})

    assert answer.status_code == status
    assert words in answer.json()["error"]
