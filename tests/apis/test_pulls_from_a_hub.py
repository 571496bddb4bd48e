"""Models from a hub on loopback, pulled on a real server by Ollama's own client, answered with,
and steered on the admin's pages."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import httpx
import ollama
import pytest

from tests.apis.conftest import MODEL
from tests.appliance_process import Appliance, change_rows, copy_home, polls
from tests.catalog.exports import write_export
from tests.catalog.loopback_hub import LoopbackHub, Misbehaviour

NAME = "someone/smol-int4-ov"
FILES = 30
OTHER = "someone/other-ov"
JOBS = "/admin/inference/pulljob/"
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
    server = LoopbackHub({NAME: folder, OTHER: folder})
    yield server
    server.close()


@pytest.fixture(scope="module")
def appliance(
    starter_home: Path, loopback: LoopbackHub, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Appliance]:
    home = copy_home(starter_home, tmp_path_factory.mktemp("pulls") / "home")
    change_rows(home, OWNER)
    with Appliance.running(home, NPU_PROXY_DEVICE="CPU", HF_ENDPOINT=loopback.url) as server:
        yield server


@pytest.fixture
def asking(appliance: Appliance) -> Iterator[httpx.Client]:
    with appliance.client() as client:
        yield client


@pytest.fixture
def owner(asking: httpx.Client) -> httpx.Client:
    """Who has logged in to the admin."""
    page = "/admin/login/"
    asking.get(page)
    form = {**csrf(asking), "username": "owner", "password": "a"}
    assert asking.post(page, data=form, params={"next": JOBS}).headers["Location"] == JOBS
    return asking


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
    fetched = [line for line in hub.requests if re.match(r"GET /store/.*\.bin", line)]
    assert len(fetched) == len(set(fetched)), "the second client shared what the first had begun"

    def words(model: str) -> str | None:
        messages = [{"role": "user", "content": "Say hello."}]
        return sdk.chat(model, messages, options=GREEDY).message.content

    assert words(NAME) == words(MODEL), "it is the starter, by way of the hub"
    assert sdk.pull(NAME).status == "success", "it is there, and no hub is asked for it"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"is_gated": True}, "accept its terms there and set HF_TOKEN"),
        ({"status": 429}, "429, too many requests: wait a while, or set HF_TOKEN"),
        ({"status": 503}, "503: try again later, or set HF_ENDPOINT to a mirror"),
    ],
)
def test_a_client_hears_what_to_do_about_a_hub_that_refuses(
    asking: httpx.Client, hub: LoopbackHub, wrong: dict[str, int], words: str
) -> None:
    hub.misbehaviour = Misbehaviour(**wrong)  # type: ignore[arg-type]

    answer = asking.post("/api/pull", json={"model": OTHER, "stream": False})

    assert answer.status_code == 502
    assert words in answer.json()["error"]


def test_jobs_are_paused_resumed_and_cancelled_on_the_admins_pages(
    owner: httpx.Client, hub: LoopbackHub
) -> None:
    hub.misbehaviour.bytes_per_second = 300_000
    with owner.stream("POST", "/api/pull", json={"model": OTHER}) as answer:
        next(answer.iter_lines())  # the job is the server's now
    number = job_of(owner, "downloading")
    assert choose(owner, "pause", number) == [f"{OTHER}:latest: paused"]
    assert job_of(owner, "paused") == number
    assert choose(owner, "resume", number)[0].startswith(f"{OTHER}:latest: ")
    assert job_of(owner, "downloading") == number
    assert choose(owner, "cancel", number) == [f"{OTHER}:latest: cancelled"]
    assert choose(owner, "pause", number) == [f"the pull of '{OTHER}:latest' is over: cancelled"]


def test_a_size_that_the_owner_sets_in_the_admin_is_in_force_at_once(
    owner: httpx.Client, hub: LoopbackHub
) -> None:
    listed = owner.get("/admin/inference/setting/", params={"q": "pull_max_gigabytes"}).text
    (path,) = set(re.findall(r"/admin/inference/setting/\d+/change/", listed))

    def pulled_with(limit: str) -> str:
        form = {**csrf(owner), "value": limit}
        assert owner.post(path, data=form).status_code == 302
        answer = owner.post("/api/pull", json={"model": OTHER, "stream": False})
        return str(answer.json().get("error"))

    assert "0.150 GB large; the limit here is 0.1 GB" in pulled_with("0.1")
    hub.misbehaviour.is_gated = True  # the limit is not what stops it
    assert "HF_TOKEN" in pulled_with("0")


def job_of(owner: httpx.Client, status: str) -> int:
    """The number of the other model's newest job, once it has that status."""
    for _ in polls(20, pause=0.05):
        job = owner.get("/api/npu/pulls", params={"limit": 1}).json()["pulls"][0]
        if job["model"] == f"{OTHER}:latest" and job["status"] == status:
            return int(job["id"])
    raise AssertionError(f"never {status}: {job}")


def choose(owner: httpx.Client, action: str, number: int) -> list[str]:
    """Tick the job in the admin's list and start that action; what the page says then."""
    page = owner.get(JOBS).text
    assert f'<option value="{action}">' in page
    form = {**csrf(owner), "action": action, "_selected_action": str(number)}
    page = html.unescape(owner.post(JOBS, data=form, follow_redirects=True).text)
    return re.findall(rf"(?:the pull of ')?{OTHER}:latest'?(?: is over)?: \w+", page)


def csrf(client: httpx.Client) -> dict[str, str]:
    """What the admin's forms send along."""
    return {"csrfmiddlewaretoken": client.cookies["npuconsole_csrf"]}
