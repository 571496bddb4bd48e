"""What the pages of the models refuse, asked without a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from tests.appliance_process import STARTER, Appliance

TRICK = "</textarea><script>window.broken = true</script>{{ 7 * 7 }}"


@pytest.fixture
def client(server: Appliance) -> Iterator[httpx.Client]:
    """A client that has the page's token, as a browser has."""
    with server.client() as client:
        token = re.search(r'name="csrf-token" content="([^"]+)"', client.get("/models/").text)
        assert token is not None
        client.headers["X-CSRFToken"] = token[1]
        yield client


@pytest.mark.parametrize(
    ("verb", "body", "status", "field", "words"),
    [
        ("explode", {}, 404, "", "no such action"),
        ("load", [], 400, "", "JSON object"),
        ("load", {"model": "nobody:1b", "device": "CPU"}, 404, "model", "not found"),
        ("load", {"model": STARTER, "device": 5}, 400, "device", "short text"),
        (
            "pin",
            {"model": STARTER, "device": "TPU", "pinned": True},
            400,
            "device",
            "no device TPU",
        ),
        ("pull", {"model": "no name at all"}, 400, "model", "Invalid model name"),
        ("pull", {"model": "x" * 500}, 400, "model", "short text"),
        ("pause", {"id": 2**31}, 400, "id", "number"),
        ("pause", {"id": 999_999}, 400, "", "999999"),
        ("verify", {"model": "nobody:1b"}, 404, "model", "not found"),
        ("delete", {"model": "nobody:1b"}, 404, "model", "not found"),
        ("rename", {"model": "nobody:1b", "new_name": "a:1b"}, 404, "model", "not found"),
        ("presets", {"model": STARTER, "new_name": STARTER}, 400, "new_name", "already"),
        ("presets", {"model": STARTER, "template": "{% for"}, 400, "template", "not valid"),
        ("compress", {"model": STARTER, "to": "int3"}, 400, "to", "int3"),
        ("convert", {"model": "", "to": "int4"}, 400, "", ""),
    ],
)
def test_what_cannot_be_done_is_refused_in_words_with_the_field(
    client: httpx.Client, verb: str, body: object, status: int, field: str, words: str
) -> None:
    answer = client.post(f"/models/do/{verb}/", json=body)
    assert answer.status_code == status, answer.text
    told = answer.json()
    assert words in told["error"]
    assert not field or told["field"] == field


def test_nothing_is_done_without_the_token_of_the_page(client: httpx.Client) -> None:
    del client.headers["X-CSRFToken"]
    answer = client.post("/models/do/delete/", json={"model": STARTER})
    assert answer.status_code == 403
    assert STARTER in client.get("/models/").text


def test_a_model_that_is_not_there_has_no_page(client: httpx.Client) -> None:
    for path in ("/models/nobody:1b/", "/models/a b/", "/models/deletion/?model=nobody"):
        assert client.get(path).status_code == 404


def test_presets_are_text_wherever_they_are_shown(client: httpx.Client) -> None:
    body = {
        "model": STARTER,
        "new_name": "tricky:1b",
        "system": TRICK,
        "messages": [{"role": "user", "content": f"\n{TRICK}"}],
        "parameters": {"stop": TRICK},
    }
    assert client.post("/models/do/presets/", json=body).json() == {"goto": "/models/tricky:1b/"}
    page = client.get("/models/tricky:1b/").text
    assert page.count("&lt;/textarea&gt;&lt;script&gt;") == 3
    assert "<script>window" not in page
    told = client.post("/api/show", json={"model": "tricky:1b"}).json()
    assert told["messages"] == [{"role": "user", "content": f"\n{TRICK}"}]
    assert "This frees no disk" in client.get("/models/deletion/?model=tricky:1b").text
    freed = client.post("/models/do/delete/", json={"model": "tricky:1b"}).json()
    assert freed == {"words": "tricky:1b was deleted; 0\u00a0bytes are free again."}
