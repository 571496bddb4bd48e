"""A real client that stops reading a real answer."""

from __future__ import annotations

import json
import socket
import time

import httpx
import psutil

from tests.apis.conftest import MODEL
from tests.appliance_process import Appliance, polls

MEGABYTE = 2**20


def test_a_stalled_client_costs_little_and_nobody_waits_for_it(
    api: Appliance, client: httpx.Client
) -> None:
    process = psutil.Process(api.process.pid)
    body = {
        "model": MODEL,
        "prompt": "Once upon a time",
        "raw": True,
        "options": {"num_predict": 700, "ignore_eos": True},
    }
    content = json.dumps(body).encode()
    client.post("/api/generate", json={"model": MODEL})
    before = process.memory_info().rss
    stalled = []
    for _ in range(4):
        reader = socket.socket()
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect(("127.0.0.1", api.port))
        reader.sendall(
            b"POST /api/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s"
            % (len(content), content)
        )
        stalled.append(reader)
    assert any(are_answered(client, len(stalled)) for _ in polls(60))

    times = []
    for _ in range(20):
        began = time.perf_counter()
        assert client.get("/health").status_code == 200
        times.append(time.perf_counter() - began)
    short = client.post(
        "/api/generate",
        json={"model": MODEL, "prompt": "Hi", "stream": False, "options": {"num_predict": 4}},
    )

    assert short.status_code == 200
    assert sorted(times)[10] < 0.1
    assert process.memory_info().rss < before + 10 * MEGABYTE
    for reader in stalled:
        reader.close()
    assert any(client.get("/health").json()["running_requests"] == 0 for _ in polls(5))


def are_answered(client: httpx.Client, count: int) -> bool:
    """Whether that many answers are under way, each with more tokens than its client will read."""
    receipts = client.get("/api/npu/requests", params={"limit": count}).json()["requests"]
    return len(receipts) == count and all(
        receipt["state"] == "running" and receipt["tokens"]["completion"] > 50
        for receipt in receipts
    )
