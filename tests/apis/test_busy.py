"""A full queue says so, in both families, with the words and the header that clients act on."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import httpx

from tests.apis.conftest import MODEL
from tests.appliance_process import copy_home, polls
from tests.conftest import StartAppliance

LONG = {"num_predict": 200, "ignore_eos": True}
USER = [{"role": "user", "content": "Tell a long story."}]


def test_one_too_many_is_503_and_the_others_are_served(
    start_appliance: StartAppliance, starter_home: Path, tmp_path: Path
) -> None:
    home = copy_home(starter_home, tmp_path / "home")
    with closing(sqlite3.connect(home / "npuconsole.sqlite3")) as connection, connection:
        connection.execute(
            "UPDATE inference_devicepolicy SET max_concurrent_requests = 1, max_queued_requests = 1"
        )
    appliance = start_appliance(home, NPU_PROXY_DEVICE="CPU")
    appliance.wait_until_started()
    served: list[httpx.Response] = []

    def ask() -> None:
        with appliance.client() as client:
            body = {"model": MODEL, "prompt": "x", "raw": True, "stream": False, "options": LONG}
            served.append(client.post("/api/generate", json=body))

    with appliance.client() as client:
        client.post("/api/generate", json={"model": MODEL})
        asking = [threading.Thread(target=ask) for _ in "12"]
        for number, thread in enumerate(asking):
            thread.start()
            assert any(
                client.get("/health").json()[("running_requests", "queued_requests")[number]] == 1
                for _ in polls(10, pause=0.01)
            )
        ollama = client.post("/api/chat", json={"model": MODEL, "messages": USER})
        openai = client.post("/v1/chat/completions", json={"model": MODEL, "messages": USER})
    for thread in asking:
        thread.join()

    busy = "server busy, please try again.  maximum pending requests exceeded"
    assert (ollama.status_code, ollama.json()) == (503, {"error": busy})
    assert openai.status_code == 503
    assert openai.json()["error"]["code"] == "server_busy"
    assert int(ollama.headers["Retry-After"]) >= 1
    assert int(openai.headers["Retry-After"]) >= 1
    assert [answer.json()["eval_count"] for answer in served] == [200, 200]
