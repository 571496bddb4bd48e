"""/api/npu/pulls: jobs are seen and steered by their numbers."""

from __future__ import annotations

import httpx
import pytest


def test_the_pulls_of_a_server_are_listed_and_have_an_address_each(client: httpx.Client) -> None:
    pulls = client.get("/api/npu/pulls", params={"limit": 5}).json()["pulls"]
    assert {pull["status"] for pull in pulls} <= {"done", "failed"}
    newest = pulls[0]
    assert client.get(f"/api/npu/pulls/{newest['id']}").json() == newest
    answer = client.post(f"/api/npu/pulls/{newest['id']}/pause")
    assert answer.status_code == 400
    assert f"the pull of '{newest['model']}' is over" in answer.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/npu/pulls/999999", 404),
        ("POST", "/api/npu/pulls/999999/cancel", 404),
        ("POST", "/api/npu/pulls/999999/resume", 404),
        ("GET", "/api/npu/pulls/0", 400),
        ("GET", "/api/npu/pulls/x", 400),
        ("GET", "/api/npu/pulls?limit=0", 400),
    ],
)
def test_what_does_not_exist_is_told_in_this_familys_words(
    client: httpx.Client, method: str, path: str, status: int
) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    assert {"error", "code"} <= set(answer.json())
