"""/v1/completions through the official `openai` package: prompts go to the model as they are."""

from __future__ import annotations

import json
from typing import Any

import httpx
import openai
import pytest
from openai.types import Completion
from tokenizers import Tokenizer

from tests.apis.conftest import MODEL
from tests.apis.sdk_types import body_of, events_of, strictly, strictly_a_completion_chunk
from tests.appliance_process import Appliance

COUNT = "One, two, three, four,"


def complete(sdk: openai.OpenAI, prompt: Any = COUNT, **more: Any) -> str:
    """The body of the answer."""
    body = {"model": MODEL, "prompt": prompt, "max_tokens": 6, "temperature": 0, **more}
    return body_of(sdk.completions.with_raw_response.create(**body))


@pytest.fixture(scope="module")
def ids(api: Appliance) -> list[int]:
    """The prompt's tokens."""
    (path,) = (api.home / "models" / "installed").glob("*/tokenizer.json")
    return list(Tokenizer.from_file(str(path)).encode(COUNT, add_special_tokens=False).ids)


def test_a_text_is_continued_without_a_chat_template(sdk: openai.OpenAI, ids: list[int]) -> None:
    answer = strictly(Completion, complete(sdk))

    (choice,) = answer.choices
    assert choice.text.startswith(" five")
    assert choice.finish_reason == "length"
    assert answer.id.startswith("cmpl-")
    assert answer.usage
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (len(ids), 6)


def test_token_ids_are_continued_like_their_text(sdk: openai.OpenAI, ids: list[int]) -> None:
    by_text, by_ids = strictly(Completion, complete(sdk)), strictly(Completion, complete(sdk, ids))

    assert by_ids.choices[0].text == by_text.choices[0].text
    assert by_ids.usage == by_text.usage


def test_several_prompts_are_answered_in_their_order(sdk: openai.OpenAI, ids: list[int]) -> None:
    texts = strictly(Completion, complete(sdk, [COUNT, "Monday, Tuesday,"], n=2, echo=True))
    lists = strictly(Completion, complete(sdk, [ids, ids[:2]], echo=True))

    assert [choice.index for choice in texts.choices] == [0, 1, 2, 3]
    starts = [choice.text.split(",")[0] for choice in texts.choices]
    assert starts == ["One", "One", "Monday", "Monday"]
    assert all(choice.text.startswith("One,") for choice in lists.choices)
    assert lists.usage
    assert lists.usage.prompt_tokens == len(ids) + 2


def test_a_stream_says_the_same(sdk: openai.OpenAI) -> None:
    whole = strictly(Completion, complete(sdk, echo=True)).choices[0].text

    raw = complete(sdk, echo=True, stream=True, stream_options={"include_usage": True})
    *chunks, usage = [strictly_a_completion_chunk(data) for data in events_of(raw)]

    assert "".join(chunk.choices[0].text for chunk in chunks) == whole
    assert chunks[0].choices[0].text == COUNT
    assert usage.choices == []
    assert usage.usage
    assert usage.usage.completion_tokens == 6


def test_several_prompts_share_a_stream(sdk: openai.OpenAI) -> None:
    raw = complete(sdk, [COUNT, "Monday, Tuesday,"], stream=True, echo=True)

    texts = ["", ""]
    for chunk in map(strictly_a_completion_chunk, events_of(raw)):
        texts[chunk.choices[0].index] += chunk.choices[0].text
    assert texts[0].startswith(f"{COUNT} five")
    assert texts[1].startswith("Monday, Tuesday,")
    assert len(texts[1]) > len("Monday, Tuesday,")


def test_log_probabilities_come_as_four_lists(sdk: openai.OpenAI) -> None:
    (choice,) = strictly(Completion, complete(sdk, logprobs=1)).choices

    lists = choice.logprobs
    assert lists
    assert "".join(lists.tokens or ()) == choice.text
    assert all(value <= 0 for value in lists.token_logprobs or ())
    assert lists.text_offset
    assert [choice.text[at:][:1] for at in lists.text_offset] == [
        token[0] for token in lists.tokens or ()
    ]


def test_sixteen_tokens_are_openais_own_length(sdk: openai.OpenAI) -> None:
    answer = sdk.completions.create(model=MODEL, prompt="Once upon a time", temperature=0)

    assert answer.usage
    assert answer.usage.completion_tokens == 16
    assert answer.choices[0].finish_reason == "length"


def test_the_first_answer_to_fail_ends_the_stream_with_its_error(client: httpx.Client) -> None:
    """The long prompt waits behind others, so that frames are out when it is refused."""
    body = {"model": MODEL, "max_tokens": 3, "prompt": [COUNT] * 16 + ["word " * 9000]}

    streamed = client.post("/v1/completions", json={**body, "stream": True})
    whole = client.post("/v1/completions", json=body)

    *frames, last, nothing = streamed.text.split("\n\n")
    assert streamed.status_code == 200
    assert frames
    assert nothing == ""
    assert json.loads(last.removeprefix("data: "))["error"]["code"] == "context_length_exceeded"
    assert whole.status_code == 400
    assert whole.json()["error"]["code"] == "context_length_exceeded"


def test_parameters_without_effect_are_told_and_strictly_refused(client: httpx.Client) -> None:
    body = {"model": MODEL, "prompt": "x", "max_tokens": 1, "logprobs": 2, "echo": True}

    told = client.post("/v1/completions", json=body)
    refused = client.post("/v1/completions", json=body, headers={"X-NPU-Proxy-Strict": "1"})

    ignored = "logprobs: alternatives, logprobs: of the prompt"
    assert told.headers["X-NPU-Proxy-Ignored"] == ignored
    assert refused.status_code == 400


def test_a_model_that_cannot_insert_says_so(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="does not support insert"):
        complete(sdk, suffix="five")
