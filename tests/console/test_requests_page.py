"""The pages of the request log, as the server writes them."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from inference import records
from inference.models import RequestRecord
from inference.records import RecordDraft
from npuconsole.asgi import pages
from npuconsole.console.requests import log as request_log
from tests.console.payloads import PAYLOADS

pytestmark = pytest.mark.usefixtures("rows")

NOW = datetime.now(UTC)
Change = Callable[[int], dict[str, Any]]


def write(count: int, change: Change = lambda number: {}) -> None:
    """Rows 0 (the newest) to count - 1, a minute apart."""
    base = RecordDraft(
        request_id="",
        received_at=NOW,
        family="ollama",
        endpoint="/api/chat",
        client="127.0.0.1",
        model_name="tiny:1m",
        outcome="stop",
        routed_device="NPU",
        execution_device="NPU",
        explanation="5 tokens: within the NPU's limit of 1,800",
        total_seconds=1.0,
    )
    records.write(
        [
            replace(
                base,
                **{
                    "request_id": f"req_{number:024x}",
                    "received_at": NOW - timedelta(minutes=number),
                    **change(number),
                },
            )
            for number in range(count)
        ]
    )


async def ask(*paths: str) -> list[httpx.Response]:
    transport = httpx.ASGITransport(pages, client=("127.0.0.1", 50000))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return [await client.get(path) for path in paths]


def get(path: str) -> httpx.Response:
    return asyncio.run(ask(path))[0]


def post(path: str, body: Any, *, with_token: bool = True) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(pages, client=("127.0.0.1", 50000))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            page = await client.get("/requests/")
            token = re.findall(r'name="csrf-token" content="(\w+)"', page.text)[0]
            headers = {"X-CSRFToken": token} if with_token else {}
            return await client.post(path, json=body, headers=headers)

    return asyncio.run(send())


def shown(answer: httpx.Response) -> list[int]:
    assert answer.status_code == 200
    return [int(key, 16) for key in re.findall(r'data-key="req_([0-9a-f]{24})"', answer.text)]


def link(answer: httpx.Response, kind: str) -> str:
    found = re.search(rf'href="([^"]+)" rel="{kind}"', answer.text)
    return html.unescape(found[1]) if found else ""


def test_pages_follow_each_other_without_a_gap_or_a_repeat() -> None:
    write(120, lambda number: {"received_at": NOW - timedelta(seconds=number // 60)})
    seen, path = [], "/requests/"
    first = get(path)
    while path:
        answer = get(path)
        seen.append(shown(answer))
        write(3, lambda n: {"request_id": f"req_{len(seen) * 10 + n:0>24}", "received_at": NOW})
        path = link(answer, "next")

    assert [len(page) for page in seen] == [50, 50, 20]
    assert sorted(number for page in seen for number in page) == list(range(120))
    assert shown(get(link(get(link(first, "next")), "next"))) == seen[2]


def test_the_way_back_shows_the_same_pages_and_ends_at_the_newest() -> None:
    write(160)
    first = get("/requests/")
    second = get(link(first, "next"))
    third = get(link(second, "next"))

    back = get(link(third, "prev"))
    assert shown(back) == shown(second) == list(range(50, 100))
    newest = get(link(back, "prev"))
    assert shown(newest) == list(range(50))
    # With fewer than a page above it, it is the newest page, where new requests belong.
    write(7, lambda n: {"request_id": f"req_{1000 + n:024x}", "received_at": NOW})
    again = get(link(get(link(third, "prev")), "prev"))
    assert "data-newest" not in again.text
    assert "data-newest" in get(link(again, "prev")).text


@pytest.mark.parametrize("common_rows", [1000, 3])
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("device=CPU", [1, 4, 7]),
        ("device=none", [2, 5, 8]),
        ("device=CPU&outcome=finished", [1, 7]),
        ("outcome=finished", [0, 1, 3, 5, 6, 7, 9]),
        ("outcome=failed", [8]),
        ("outcome=cancelled", [2, 4]),
        ("model=other:1m", [5, 6]),
        ("family=openai", [3]),
        ("client=10.0.0.9", [9]),
        ("client=req_000000000000000000000004", [4]),
        ("time=1h&family=anthropic", [6]),
        ("time=1h&device=NPU", [0, 3, 6]),
        ("model=nobody:1m", []),
        ("family=nobody&device=NPU", [0, 3, 6, 9]),
    ],
)
def test_filters_show_what_matches(
    query: str, expected: list[int], common_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_log, "COMMON_ROWS", common_rows)
    outcomes = {2: "cancelled", 4: "cancelled", 8: "engine_failed", 5: "length"}
    write(
        10,
        lambda n: {
            "execution_device": ("NPU", "CPU", "")[n % 3],
            "outcome": outcomes.get(n, "stop"),
            "model_name": "other:1m" if n in (5, 6) else "tiny:1m",
            "family": {3: "openai", 6: "anthropic", 9: "anthropic"}.get(n, "ollama"),
            "client": "10.0.0.9" if n == 9 else "127.0.0.1",
            "received_at": NOW - timedelta(hours=2 if n == 9 else 0, minutes=n),
        },
    )

    page, fragment = asyncio.run(ask(f"/requests/?{query}", f"/requests/list/?{query}"))

    assert shown(page) == shown(fragment) == expected
    if not expected:
        assert "No request in the log matches these filters." in page.text
    assert "<html" not in fragment.text


def test_a_filter_that_is_set_is_in_its_field_even_if_the_log_lost_its_last_row() -> None:
    write(2)

    page = get("/requests/?model=gone:1m&device=NPU&time=7d").text

    for value in ("gone:1m", "NPU", "7d"):
        assert f'<option value="{value}" selected>' in page


def test_counts_stop_where_counting_would_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    write(70)
    assert "70\xa0requests" in get("/requests/").text
    monkeypatch.setattr(request_log, "MOST_COUNTED", 60)
    assert "More than 1,000 requests" in get("/requests/").text
    assert "1\xa0request that match" not in get("/requests/").text


def test_an_empty_log_says_what_will_appear_and_how() -> None:
    page = get("/requests/").text

    assert "Every request appears here, from any client" in page
    assert "Point a client at <code>http://localhost</code>" in page


def test_a_receipt_tells_everything_that_the_record_has() -> None:
    chain = [
        {"device": "NPU", "reason": "over_token_limit", "error": "over its limit of 1,800"},
        {"device": "CPU", "reason": "over_token_limit", "error": "", "tokens": 84},
    ]
    write(
        1,
        lambda n: {
            "execution_device": "CPU",
            "chain": chain,
            "devices": ["CPU"],
            "ignored": ["mirostat"],
            "fallback_reason": "device_absent",
            "prompt_tokens": 1912,
            "completion_tokens": 84,
            "prefill_seconds": 0.3,
            "decode_seconds": 0.5,
            "predicted_seconds": 0.9,
        },
    )

    page = get(f"/requests/req_{0:024x}/").text.replace("\xa0", " ")

    for words in (
        "reading the prompt <b>0.30 s</b>",
        "writing the answer <b>0.50 s</b>",
        "about 0.90 s predicted",
        "over its limit of 1,800",
        "84 tokens",
        "<code>mirostat</code>",
        "<code>device_absent</code>",
        "It needs the prompt, which is not kept.",
        "Prompts and answers are not kept.",
        f"curl http://localhost/api/npu/requests/req_{0:024x}",
    ):
        assert words in page


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ({"inputs": ["a text"]}, "Requests for embeddings cannot be replayed."),
        ({"prompt": "x", "is_cut": True}, "too long to be kept whole"),
        ({"prompt": "x", "is_answer_cut": True}, "The same prompt and parameters"),
    ],
)
def test_a_receipt_says_why_it_cannot_be_replayed(prompt: dict[str, Any], words: str) -> None:
    write(1, lambda n: {"prompt": prompt, "answer": "y"})

    assert words in get(f"/requests/req_{0:024x}/").text


@pytest.mark.parametrize("name", [f"req_{7:024x}", "nonsense"])
def test_a_request_that_the_log_has_not_is_not_found_in_words(name: str) -> None:
    answer = get(f"/requests/{name}/")

    assert answer.status_code == 404
    assert "Request not found" in answer.text
    assert name in answer.text


def test_removing_a_prompt_takes_it_from_that_row_alone() -> None:
    write(2, lambda n: {"prompt": {"prompt": "a secret"}, "answer": "told"})
    path = f"/requests/req_{0:024x}/"
    assert "a secret" in get(path).text

    assert post(f"{path}forget/", {}, with_token=False).status_code == 403
    assert RequestRecord.objects.filter(prompt=None).count() == 0
    assert post(f"{path}forget/", {}).status_code == 200

    assert "a secret" not in get(path).text
    assert "a secret" in get(f"/requests/req_{1:024x}/").text


@pytest.mark.parametrize(
    ("number", "body", "words"),
    [
        (0, [], "There is no such device."),
        (0, {"device": "TPU"}, "There is no such device."),
        (1, {"device": "CPU"}, "is not kept"),
        (5, {"device": "CPU"}, "is not kept"),
        (2, {"device": "CPU"}, "was cut"),
        (0, {"device": "CPU"}, "not found"),  # the model, which nobody installed here
    ],
)
def test_a_replay_that_cannot_be_is_refused_in_words(number: int, body: Any, words: str) -> None:
    kept = [{"prompt": "x"}, None, {"prompt": "x", "is_cut": True}]
    write(3, lambda n: {"prompt": kept[n]})

    answer = post(f"/requests/req_{number:024x}/replay/", body)

    assert answer.status_code in (400, 409)
    assert words in answer.json()["error"]


def test_what_clients_write_into_a_record_never_becomes_markup() -> None:
    texts = ("plain", *PAYLOADS)

    def everything(number: int) -> dict[str, Any]:
        text = texts[number]
        names = ("model_name", "endpoint", "client", "explanation", "error", "outcome", "family")
        prompt = {"messages": [{"role": text, "content": text, "extra": {text: text}}]}
        step = {"device": text, "reason": text, "error": text, "tokens": 1}
        return {
            **dict.fromkeys((*names, "execution_device", "routed_device"), text),
            "chain": [step],
            "devices": [text],
            "ignored": [text],
            "prompt": {**prompt, "thinking": text, "tool_calls": [text], "tools": [text]},
            "answer": text,
        }

    write(len(texts), everything)
    names = [f"/requests/req_{number:024x}/" for number in range(len(texts))]
    plain_list, plain, *answers = asyncio.run(ask("/requests/?model=plain", *names))
    everything_shown = get("/requests/")

    own = elements(plain_list.text) | elements(plain.text)
    for answer in (everything_shown, *answers):
        assert elements(answer.text) <= own
    assert sorted(shown(everything_shown)) == list(range(len(texts)))


def elements(page: str) -> set[str]:
    """Every element's name in a page, as a parser of HTML finds them, with any attribute that would
    run something."""
    found = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            found.add(tag)
            for name, value in attributes:
                leads = name in ("href", "src", "action", "formaction", "srcdoc")
                if name.startswith("on") or (leads and "javascript:" in (value or "")):
                    found.add(f"{tag} {name}={value}")

    Reader().feed(page)
    return found
