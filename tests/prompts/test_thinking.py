"""Which models reason, and how they are told to or not to."""

from __future__ import annotations

import pytest

from inference.prompts import thinking
from inference.prompts.conversation import prepare
from inference.prompts.thinking import Tags
from inference.requests import Message
from tests.prompts.conversations import QUESTION, template_of

THINK = Tags("<think>", "</think>")
OPENED = "{{ messages[0].content }}<|Assistant|><think>\n"
EFFORT = "<think>{{ reasoning_effort }}</think>"


@pytest.mark.parametrize(
    ("family", "tags"),
    [
        ("qwen3", THINK),
        ("granite3", Tags("<think>", "</think>", ("<response>", "</response>"))),
        ("qwen25", None),
        ("smollm2", None),
        ("mistral", None),
    ],
)
def test_the_template_tells_whether_a_model_reasons(family, tags):
    assert thinking.tags_in(template_of(family)) == tags


def test_other_tags_are_known():
    assert thinking.tags_in("[THINK][/THINK]") == Tags("[THINK]", "[/THINK]")
    assert thinking.tags_in(OPENED) == THINK


@pytest.mark.parametrize(
    ("template", "think", "variables"),
    [
        ("{{ enable_thinking }}", True, {"enable_thinking": True}),
        ("{{ enable_thinking }}", "high", {"enable_thinking": True}),
        ("{{ enable_thinking }}", False, {"enable_thinking": False}),
        ("{{ enable_thinking }}", "none", {"enable_thinking": False}),
        ("{{ enable_thinking }}", None, {}),
        ("{{ thinking }}", True, {"thinking": True}),
        ("{{ messages }}", True, {}),
        (EFFORT, "minimal", {"reasoning_effort": "low"}),
        (EFFORT, "max", {"reasoning_effort": "high"}),
        (EFFORT, True, {}),
    ],
)
def test_levels_and_switches_go_through_the_template(template, think, variables):
    assert thinking.template_variables(template, think) == variables


@pytest.mark.parametrize(
    ("prompt", "think", "expected"),
    [
        ("A<think>\n", False, "A<think>\n\n</think>\n\n"),
        ("A", False, "A<think>\n\n</think>\n\n"),
        ("A<think>\n\n</think>\n\n", False, "A<think>\n\n</think>\n\n"),
        ("A<think>\n", True, "A<think>\n"),
        ("A", None, "A"),
    ],
)
def test_without_a_switch_reasoning_is_switched_off_by_beginning_with_an_empty_one(
    prompt, think, expected
):
    assert thinking.begin_answer(prompt, THINK, think) == expected


def test_the_reasoning_of_earlier_turns_is_taken_out_unless_the_template_does_it():
    answered = Message("assistant", "<think>\nlong\n</think>\n\nYes.")
    messages = (*QUESTION, answered, Message("user", "Sure?"))

    assert prepare(messages, OPENED).messages[1].content == "Yes."
    assert prepare(messages, template_of("qwen3")).messages[1].content == answered.content
    assert prepare(messages, template_of("smollm2")).messages[1].content == answered.content


def test_earlier_reasoning_is_there_under_every_name_templates_read():
    message = Message("assistant", "Yes.", {"reasoning": "because"})
    (prepared,) = prepare((message,), template_of("qwen3")).messages
    assert prepared.extra["thinking"] == prepared.extra["reasoning_content"] == "because"


@pytest.mark.parametrize(
    ("family", "think", "is_expected"),
    [
        ("qwen3", None, True),
        ("qwen3", True, True),
        ("qwen3", False, False),
        ("granite3", None, False),
        ("granite3", "low", True),
    ],
)
def test_whether_reasoning_is_to_be_expected(family, think, is_expected):
    assert thinking.is_expected(template_of(family), think) == is_expected
