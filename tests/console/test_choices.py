"""What a person may choose for a conversation."""

from __future__ import annotations

from typing import Any

import pytest

from inference.requests import Sampling
from npuconsole.console.chat.choices import MAX_TOOLS, Choices, Lane, Unfit, read_choices
from npuconsole.console.chat.views import asked_lanes

LANES = [{"model": "m", "device": "NPU"}]
WEATHER = {"name": "get_weather", "description": "", "parameters": {"type": "object"}}
TOOL = {"type": "function", "function": WEATHER}


def deep(levels: int) -> Any:
    value: Any = {}
    for _ in range(levels):
        value = {"properties": value}
    return value


def test_everything_that_can_be_chosen_is_read_and_kept_as_the_same() -> None:
    raw = {
        "lanes": [*LANES, {"model": " n ", "device": ""}, {"model": "m", "device": "GPU.1"}],
        "system": " Be brief. ",
        "sampling": {"temperature": 0, "top_k": 5, "seed": 0, "stop": ["END", ""], "top_p": None},
        "think": False,
        "tools": [TOOL, WEATHER | {"name": "other"}],
        "must_call": True,
    }

    choices = read_choices(raw)

    assert choices.lanes == (Lane("m", "NPU"), Lane("n"), Lane("m", "GPU.1"))
    assert choices.system == "Be brief."
    assert choices.sampling == Sampling(temperature=0.0, top_k=5, seed=0, stop=("END",))
    assert choices.think is False
    assert choices.tools[1]["function"]["name"] == "other"
    assert read_choices(choices.as_json()) == choices


def test_nothing_but_a_model_has_to_be_chosen() -> None:
    choices = read_choices({"lanes": [{"model": "m"}]})

    assert choices == Choices((Lane("m"),))
    assert read_choices(choices.as_json()) == choices
    assert not read_choices({"lanes": LANES, "must_call": True}).must_call, "there is no tool"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lanes": []}, "Choose a model"),
        ({"lanes": "m"}, "Choose a model"),
        ({"lanes": ["m"]}, "JSON object"),
        ({"lanes": LANES * 4}, "At most 3"),
        ({"lanes": [{"model": "  "}]}, "Choose a model"),
        ({"lanes": [{"model": "m" * 251}]}, "at most 250"),
        ({"lanes": [{"model": "m", "device": "TPU"}]}, "NPU, GPU, CPU"),
        ({"lanes": [{"model": "m", "device": "npu; drop"}]}, "NPU, GPU, CPU"),
        ({"lanes": [{"model": "m", "device": None}]}, "NPU, GPU, CPU"),
        ({"system": 5}, "system prompt must be text"),
        ({"system": "x" * 32_001}, "32,000"),
        ({"think": "yes"}, "think"),
        ({"sampling": [1]}, "JSON object"),
        ({"sampling": {"temperature": "hot"}}, "temperature must be a number"),
        ({"sampling": {"temperature": True}}, "temperature must be a number"),
        ({"sampling": {"top_k": 1.5}}, "whole number"),
        ({"sampling": {"seed": 2**64}}, "too large"),
        ({"sampling": {"mirostat": 1}}, "mirostat"),
        ({"sampling": {"stop": "END"}}, "list of texts"),
        ({"sampling": {"stop": ["x"] * 9}}, "At most 8"),
        ({"tools": "x"}, "JSON list"),
        ({"tools": [TOOL] * (MAX_TOOLS + 1)}, f"At most {MAX_TOOLS}"),
        ({"tools": ["x"]}, "JSON object"),
        ({"tools": [{"function": {"name": "a b"}}]}, "tool's name"),
        ({"tools": [WEATHER | {"parameters": [1]}]}, "JSON schema object"),
        ({"tools": [WEATHER | {"description": "x" * 70_000}]}, "more than 64 kB"),
        ({"tools": [WEATHER | {"parameters": deep(400)}]}, "nested too deeply"),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(Unfit, match=words):
        read_choices({"lanes": LANES} | changes)


def test_an_address_can_say_who_is_to_answer() -> None:
    names = ["smollm2:135m@cpu", "other/model:1b", "@NPU", "x@TPU"]

    assert asked_lanes(names) == (Lane("smollm2:135m", "CPU"), Lane("other/model:1b"))
    assert len(asked_lanes(["m"] * 9)) == 3
