"""The embedding engine under a server: shared, remembered, left, killed, on other devices."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.apis.conftest import BROKEN_ENCODER, ENCODER
from tests.appliance_process import Appliance, copy_home, polls

GOLDEN = json.loads(
    (Path(__file__).parents[1] / "golden" / "minilm.json").read_text(encoding="utf-8")
)["vectors"]
StartAppliance = Callable[..., Appliance]


def embed(appliance: Appliance, texts: list[str], **more: Any) -> httpx.Response:
    with appliance.client() as client:
        body = {"model": ENCODER, "input": texts, **more}
        answer = client.post("/api/embed", json=body)
    assert answer.status_code == 200, answer.text
    return answer


def rows(answer: httpx.Response) -> NDArray[np.float64]:
    return np.array(answer.json()["embeddings"])


def cosines(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    products: NDArray[Any] = (first * second).sum(-1)
    return products


def unseen(name: str, count: int) -> list[str]:
    """Texts that no other test embeds, of very different lengths."""
    return [f"{name} number {place} " + "and so on " * (place % 23) for place in range(count)]


def is_loaded(appliance: Appliance) -> bool:
    with appliance.client() as client:
        return ENCODER in client.get("/api/ps").text


def running(appliance: Appliance) -> int:
    with appliance.client() as client:
        health = client.get("/health").json()
    return int(health["running_requests"] + health["queued_requests"])


def unload(appliance: Appliance) -> None:
    embed(appliance, [], keep_alive=0)
    assert any(not is_loaded(appliance) for _ in polls(10))


def test_what_was_embedded_before_needs_no_engine(encoder_api: Appliance) -> None:
    texts = unseen("remembered", 3)
    first = embed(encoder_api, texts)
    unload(encoder_api)

    again = embed(encoder_api, texts[::-1])

    assert not is_loaded(encoder_api)
    assert np.array_equal(rows(again), rows(first)[::-1])
    assert again.json()["prompt_eval_count"] == first.json()["prompt_eval_count"]
    assert again.headers["X-NPU-Proxy-Device"] == "CPU"
    with encoder_api.client() as client:
        metrics = client.get("/metrics").text
    assert f'npu_proxy_embedding_cache_hits_total{{model="{ENCODER}:latest"}}' in metrics


def test_a_wish_about_its_stay_is_followed_for_remembered_texts_too(
    encoder_api: Appliance,
) -> None:
    texts = unseen("kept", 1)
    embed(encoder_api, texts)
    unload(encoder_api)

    embed(encoder_api, texts, keep_alive="5m")
    assert is_loaded(encoder_api)

    embed(encoder_api, texts, keep_alive=0)
    assert any(not is_loaded(encoder_api) for _ in polls(10))


def test_the_same_text_twice_in_a_request_is_computed_once(encoder_api: Appliance) -> None:
    first, second = unseen("twice", 2)

    found = rows(embed(encoder_api, [first, second, first]))

    assert np.array_equal(found[0], found[2])
    assert not np.array_equal(found[0], found[1])


def test_requests_at_the_same_time_get_their_own_vectors(encoder_api: Appliance) -> None:
    groups = [unseen(f"parallel {number}", 12) for number in range(16)]

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda texts: embed(encoder_api, texts), groups))

    everything = rows(embed(encoder_api, [text for texts in groups for text in texts]))
    together = np.concatenate([rows(answer) for answer in answers])
    assert np.array_equal(together, everything)
    # Alone, without what the server remembers of them, under another length of the same texts.
    alone = rows(embed(encoder_api, [groups[3][5] + " "]))
    assert cosines(alone[0], together[3 * 12 + 5]) > 0.999


def test_a_client_that_leaves_frees_the_engine(encoder_api: Appliance) -> None:
    texts = [f"left alone {place} " + "word " * 300 for place in range(2000)]
    content = json.dumps({"model": ENCODER, "input": texts}).encode()
    head = f"POST /api/embed HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(content)}\r\n\r\n"
    connection = socket.create_connection(("127.0.0.1", encoder_api.port), timeout=20)
    connection.sendall(head.encode() + content)
    assert any(running(encoder_api) == 1 for _ in polls(10, pause=0.02))

    connection.close()

    assert any(running(encoder_api) == 0 for _ in polls(3, pause=0.02))
    embed(encoder_api, unseen("after the one who left", 1))


def test_what_is_no_number_is_an_error_and_not_a_vector(encoder_api: Appliance) -> None:
    with encoder_api.client() as client:
        broken = client.post("/api/embed", json={"model": BROKEN_ENCODER, "input": ["a b", "a h"]})
        sound = client.post("/api/embed", json={"model": BROKEN_ENCODER, "input": ["a b"]})

    assert broken.status_code == 500
    assert broken.json() == {"error": "embedding contains NaN or Inf values"}
    assert sound.status_code == 200


@pytest.fixture
def start_encoder(
    encoder_home: Path, tmp_path: Path, start_appliance: StartAppliance
) -> StartAppliance:
    """Starts a server of one test's own, with both models."""

    def start(**variables: str) -> Appliance:
        home = copy_home(encoder_home, tmp_path / "encoder-home")
        appliance = start_appliance(home, **variables)
        appliance.wait_until_started()
        return appliance

    return start


def test_a_request_survives_the_death_of_its_engine(start_encoder: StartAppliance) -> None:
    appliance = start_encoder(NPU_PROXY_DEVICE="CPU")
    texts = unseen("survivor", 600)
    embed(appliance, [])
    answers: list[httpx.Response] = []
    asking = threading.Thread(target=lambda: answers.append(embed(appliance, texts)))

    asking.start()
    assert any(running(appliance) == 1 for _ in polls(10, pause=0.01))
    for child in appliance.children():
        child.kill()
    asking.join(60)

    found = rows(answers[0])
    assert found.shape == (600, 384)
    assert cosines(found, rows(embed(appliance, texts))).min() > 0.999


def test_an_absent_embedding_device_is_told_and_the_cpu_serves(
    start_encoder: StartAppliance,
) -> None:
    appliance = start_encoder(NPU_PROXY_EMBEDDING_DEVICE="NPU", NPU_PROXY_EMBEDDING_MODEL=ENCODER)

    answer = embed(appliance, ["x"])

    assert answer.headers["X-NPU-Proxy-Routed-Device"] == "NPU"
    assert answer.headers["X-NPU-Proxy-Execution-Device"] == "CPU"
    assert answer.headers["X-NPU-Proxy-Fallback-Reason"] == "device_absent"
    with appliance.client() as client:
        # The owner's model, for who names none.
        for path, body in (
            ("/api/embed", {"input": "x"}),
            ("/api/embeddings", {"prompt": "x"}),
            ("/v1/embeddings", {"input": "x"}),
        ):
            assert client.post(path, json=body).status_code == 200, path


def test_the_emulated_npu_gives_the_same_vectors_and_says_so(
    start_encoder: StartAppliance,
) -> None:
    appliance = start_encoder(NPU_PROXY_EMBEDDING_DEVICE="NPU", NPUCONSOLE_EMULATE_NPU="1")

    answer = embed(appliance, [entry["text"] for entry in GOLDEN])

    assert answer.headers["X-NPU-Proxy-Execution-Device"] == "NPU"
    assert answer.headers["X-NPU-Proxy-Emulated"] == "1"
    golden = np.array([entry["embedding"] for entry in GOLDEN])
    assert cosines(rows(answer), golden).min() > 0.999


def test_without_real_inference_every_answer_says_so(start_encoder: StartAppliance) -> None:
    appliance = start_encoder(NPU_PROXY_REAL_INFERENCE="0")

    answer = embed(appliance, ["a", "b"])

    assert answer.headers["X-NPU-Proxy-Device"] == "ECHO"
    assert answer.headers["X-NPU-Proxy-Route-Reason"] == "real_inference_off"
    assert rows(answer).shape == (2, 384)
