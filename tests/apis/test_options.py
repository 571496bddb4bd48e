"""Ollama's options: each is applied, or named as without effect."""

from __future__ import annotations

import logging
from typing import Any

import httpx
import pytest

from apis.ollama.options import APPLIED, NUM_CTX, WITHOUT_EFFECT, read_options
from inference.errors import InvalidRequest
from inference.requests import Sampling
from tests.apis.conftest import MODEL

EVERY_KEY_OF_OLLAMA = {
    "num_keep", "seed", "num_predict", "top_k", "top_p", "min_p", "typical_p", "repeat_last_n",
    "temperature", "repeat_penalty", "presence_penalty", "frequency_penalty", "stop", "num_ctx",
    "num_batch", "num_gpu", "main_gpu", "use_mmap", "num_thread", "draft_num_predict", "numa",
    "penalize_newline", "mirostat", "mirostat_tau", "mirostat_eta", "tfs_z",
}  # fmt: skip


def test_every_key_is_known() -> None:
    assert {*APPLIED, *WITHOUT_EFFECT, NUM_CTX} >= EVERY_KEY_OF_OLLAMA


@pytest.mark.parametrize(
    ("options", "sampling"),
    [
        (None, Sampling()),
        ({}, Sampling()),
        ({"temperature": 0}, Sampling(temperature=0.0)),
        ({"temperature": 0.7, "top_p": 0.5}, Sampling(temperature=0.7, top_p=0.5)),
        ({"temperature": None, "stop": None}, Sampling()),
        ({"top_k": 40.9}, Sampling(top_k=40)),
        ({"top_k": -1}, Sampling(top_k=0)),
        ({"top_p": 1.5, "min_p": -1}, Sampling(top_p=1.0, min_p=0.0)),
        ({"seed": -1}, Sampling()),
        ({"seed": 7.0}, Sampling(seed=7)),
        ({"num_predict": -1}, Sampling()),
        ({"num_predict": -2}, Sampling()),
        ({"num_predict": 0}, Sampling()),
        ({"num_predict": 12}, Sampling(max_tokens=12)),
        ({"num_predict": 1e12}, Sampling(max_tokens=2**31 - 1)),
        ({"repeat_penalty": 1.1}, Sampling(repetition_penalty=1.1)),
        (
            {"presence_penalty": 1, "frequency_penalty": -1},
            Sampling(presence_penalty=1.0, frequency_penalty=-1.0),
        ),
        ({"stop": ["a", "", "b"]}, Sampling(stop=("a", "b"))),
        ({"stop": []}, Sampling(stop=())),
        ({"ignore_eos": True}, Sampling(ignore_eos=True)),
    ],
)
def test_applied(options: dict[str, Any] | None, sampling: Sampling) -> None:
    read = read_options(options)

    assert read.sampling == sampling
    assert read.ignored == ()


@pytest.mark.parametrize(
    ("value", "num_ctx"),
    [(8295, 8295), (4096.0, 4096), (1, 1), (0, None), (-1, None), (None, None), (1e12, 2**31 - 1)],
)
def test_num_ctx_bounds_one_request(value: Any, num_ctx: int | None) -> None:
    read = read_options({"num_ctx": value})

    assert (read.num_ctx, read.ignored, read.sampling) == (num_ctx, (), Sampling())


@pytest.mark.parametrize(
    ("options", "ignored"),
    [
        ({"num_batch": 8}, ("num_batch",)),
        ({"typical_p": 0.9, "repeat_last_n": 64}, ("typical_p", "repeat_last_n")),
        ({"mirostat": None}, ()),
        ({"made_up": 1}, ("made_up",)),
        ({"bad\r\nname: x": 1}, ()),
        ({"x" * 100: 1}, ()),
    ],
)
def test_without_effect(options: dict[str, Any], ignored: tuple[str, ...]) -> None:
    assert read_options(options).ignored == ignored


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"temperature": "hot"}, 'option "temperature" must be of type float32'),
        ({"temperature": True}, 'option "temperature" must be of type float32'),
        ({"num_ctx": "8k"}, 'option "num_ctx" must be of type integer'),
        ({"seed": []}, 'option "seed" must be of type integer'),
        ({"numa": 1}, 'option "numa" must be of type boolean'),
        ({"stop": "x"}, 'option "stop" must be of type array'),
        ({"stop": ["x", 1]}, 'option "stop" must be of type array'),
        ({"stop": ["x"] * 65}, "stop: at most 64 stop strings"),
        ({"stop": ["x" * 5000]}, "stop: a stop string has at most 4096 characters"),
        ({"repeat_penalty": 0}, 'option "repeat_penalty" must be above 0, got 0'),
    ],
)
def test_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidRequest, match="^" + text.replace("[", r"\[")):
        read_options(options)


def test_an_unknown_key_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            read_options({"only_once": 1})

    assert len([r for r in caplog.records if "only_once" in r.getMessage()]) == 1


def test_the_answer_names_what_had_no_effect(client: httpx.Client) -> None:
    body = {
        "model": MODEL,
        "prompt": "x",
        "logprobs": True,
        "top_logprobs": 2,
        "truncate": True,
        "shift": True,
        "options": {"num_predict": 1, "num_ctx": 8295, "num_gpu": 1, "mirostat": 1},
    }

    answer = client.post("/api/generate", json=body)

    ignored = answer.headers["X-NPU-Proxy-Ignored"]
    assert ignored == "num_gpu, mirostat, truncate, shift, top_logprobs"
