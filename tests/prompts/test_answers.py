"""Raw answers as events: reasoning, text and calls, whatever the pieces they come in."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inference.prompts.answers import PlainText, answer_parser
from inference.prompts.arguments import checks_of
from inference.prompts.thinking import Tags
from inference.prompts.tool_formats.registry import FORMATS
from inference.requests import AnswerEvent, TextDelta, ThinkingDelta, ToolCall
from tests.prompts.conversations import TOOLS

BY_NAME = {it.name: it for it in FORMATS}
THINK = Tags("<think>", "</think>")


@pytest.fixture
async def checks():
    return await checks_of(TOOLS)


def merged(events: list[AnswerEvent]) -> list[AnswerEvent]:
    result: list[AnswerEvent] = []
    for event in events:
        last = result[-1] if result else None
        if isinstance(event, ToolCall) or type(last) is not type(event):
            result.append(event)
        else:
            result[-1] = type(event)(last.text + event.text)
    return result


def parsed(text, checks, format_name="hermes", tags=THINK, cuts=(), **options):
    parser = answer_parser(
        tool_format=BY_NAME.get(format_name), tags=tags, checks=checks, **options
    )
    edges = [0, *sorted(cuts), len(text)]
    events = []
    for start, end in itertools.pairwise(edges):
        events += parser.feed(text[start:end])
    return merged(events + parser.finish())


def text(words: str) -> TextDelta:
    return TextDelta(words)


def thought(words: str) -> ThinkingDelta:
    return ThinkingDelta(words)


def add(index: int = 0, **arguments) -> ToolCall:
    return ToolCall(index, "add", arguments)


CALL = '{"name": "add", "arguments": {"a": 1, "b": 2}}'
MORE = '{"name": "add", "arguments": {"b": 4, "a": 3}}'
FIRST, SECOND = add(a=1, b=2), add(1, b=4, a=3)
NAMED = '[TOOL_CALLS]add[ARGS]{"a": 1, "b": 2}[TOOL_CALLS]add[CALL_ID]x[ARGS]{"b": 4, "a": 3}'
LLAMA_CALL, LLAMA_MORE = (it.replace("arguments", "parameters") for it in (CALL, MORE))

CASES = [
    ("hermes", f"<tool_call>\n{CALL}\n</tool_call>", [FIRST]),
    (
        "hermes",
        f"Sure.\n<tool_call>{CALL}</tool_call>\nDone.\n",
        [text("Sure."), FIRST, text("Done.\n")],
    ),
    (
        "hermes",
        f"<tool_call>{CALL}</tool_call>\n<tool_call>\n{MORE}</tool_call>\n",
        [FIRST, SECOND],
    ),
    (
        "hermes",
        '<tool_call>{"name": "add", "arguments": "{\\"a\\": 1, \\"b\\": 2}"}</tool_call>',
        [FIRST],
    ),
    ("hermes", f"<tool_call>{CALL}", [FIRST]),
    ("hermes", "a <tool_call>no call</tool_call> b", [text("a no call b")]),
    ("hermes", '<tool_call>{"name": "add", "argu', [text('{"name": "add", "argu')]),
    ("hermes", "if a <tool_b: a < b", [text("if a <tool_b: a < b")]),
    ("hermes", " \n", [text(" \n")]),
    # reasoning
    ("hermes", "<think>\nhm\n\nso\n</think>\n\nYes.", [thought("hm\n\nso"), text("Yes.")]),
    ("hermes", "<think>\n\n</think>\n\nYes.", [text("Yes.")]),
    ("hermes", "<think>never ends", [thought("never ends")]),
    ("hermes", "no tag</think>at the start", [text("no tagat the start")]),
    ("hermes", f"<think>ok</think>\n<tool_call>{CALL}</tool_call>", [thought("ok"), FIRST]),
    ("hermes", f"<think>ok <tool_call>{CALL}</tool_call>", [thought("ok"), FIRST]),
    (
        "hermes",
        '<think>a <tool_call>{"name": "x"}</tool_call> b</think>c',
        [thought('a {"name": "x"} b'), text("c")],
    ),
    # Llama 3
    ("llama3", LLAMA_CALL, [FIRST]),
    ("llama3", f"\n {LLAMA_CALL}; {LLAMA_MORE}\n", [FIRST, SECOND]),
    ("llama3", f"<|python_tag|>{LLAMA_CALL}", [FIRST]),
    ("llama3", "[add(a=1, b=2), add(b=4, a=3)]", [FIRST, SECOND]),
    ("llama3", f"[add(a=1, b=2)]  {LLAMA_MORE}", [FIRST, text(LLAMA_MORE)]),
    ("llama3", '{"answer": {"a": 1}} is it', [text('{"answer": {"a": 1}} is it')]),
    ("llama3", '{"name": "Bob", "parameters": 3}', [text('{"name": "Bob", "parameters": 3}')]),
    ("llama3", "[1, 2] is a list", [text("[1, 2] is a list")]),
    ("llama3", f"It is {LLAMA_CALL}", [text(f"It is {LLAMA_CALL}")]),
    # Mistral
    ("mistral", f'[TOOL_CALLS] [{CALL[:-1]}, "id": "123456789"}}]', [FIRST]),
    ("mistral", f"[TOOL_CALLS][{CALL}, {MORE}]", [FIRST, SECOND]),
    (
        "mistral",
        "Well." + NAMED,
        [text("Well."), FIRST, SECOND],
    ),
    ("mistral-named", 'add{"a": 1}', [text('add{"a": 1}')]),
    ("mistral-named", "[TOOL_CALLS] nothing of the kind", [text(" nothing of the kind")]),
    # Phi and Granite
    ("phi", f"<|tool_call|>[{CALL}]<|/tool_call|>", [FIRST]),
    ("granite", f"Let me see.<|tool_call|>[{CALL}]\n", [text("Let me see."), FIRST]),
]


@pytest.mark.parametrize(("format_name", "answer", "expected"), CASES)
async def test_an_answer_is_read_whole_and_in_any_pieces(format_name, answer, expected, checks):
    assert parsed(answer, checks, format_name) == expected
    assert parsed(answer, checks, format_name, cuts=range(len(answer))) == expected
    for cut in range(len(answer)):
        assert parsed(answer, checks, format_name, cuts=[cut]) == expected, answer[:cut]


FRAGMENTS = st.sampled_from(
    [
        "<think>", "</think>", "<response>", "[THINK]", "\n", " ", "words", "<", "tool_call", "ü🙂",
        '{"name": "add", "arguments": {"a": 1, "b": 2}}', '{"name": "', "}", "]", "[", ",", ";",
        '{"name": "add", "parameters": {"a": "<think>\\"</tool_call>[ARGS]"}}', '"', "\\", "add",
        "[add(a=1, b='x]')]", "(", "{}", "[ARGS]",
        *{mark for it in FORMATS for mark in it.markers},
    ]
)  # fmt: skip
ANSWERS = st.lists(st.one_of(FRAGMENTS, FRAGMENTS, st.text(max_size=3)), max_size=12).map("".join)


@settings(max_examples=400)
@given(
    answer=ANSWERS,
    format_name=st.sampled_from([*BY_NAME, "none"]),
    is_thinking=st.booleans(),
    data=st.data(),
)
def test_any_split_gives_the_same_events_without_markup(answer, format_name, is_thinking, data):
    checks = _known_tools
    whole = parsed(answer, checks, format_name, is_thinking=is_thinking)
    cuts = data.draw(st.lists(st.integers(0, len(answer)), max_size=8))

    assert parsed(answer, checks, format_name, cuts=cuts, is_thinking=is_thinking) == whole
    marks = (*THINK.all, *(BY_NAME[format_name].markers if format_name in BY_NAME else ()))
    words = "\0".join(event.text for event in whole if not isinstance(event, ToolCall))
    assert not any(mark in words for mark in marks)
    assert [e.index for e in whole if isinstance(e, ToolCall)] == list(
        range(sum(isinstance(e, ToolCall) for e in whole))
    )


@settings(max_examples=200)
@given(answer=st.text(alphabet=st.characters(codec="utf-8", exclude_characters="<[{"), max_size=60))
def test_text_without_markup_passes_unchanged(answer):
    for name in BY_NAME:
        assert "".join(event.text for event in parsed(answer, _known_tools, name)) == answer


@settings(max_examples=200)
@given(answer=ANSWERS)
@example(answer='<tool_call>{"name": "add", "parameters": {"a": "<think>\\"</tool_call>"}}')
def test_nothing_but_markup_and_space_is_lost(answer):
    """What is not in an event was markup, or white space beside it."""

    def unmarked(words: str) -> str:
        for mark in (*THINK.all, *BY_NAME["hermes"].markers):
            words = words.replace(mark, "")
        return words

    left, kept = unmarked(answer), ""
    for event in parsed(answer, _known_tools):
        if isinstance(event, ToolCall):  # whose arguments may hold what is markup elsewhere
            call = {"name": event.name, "arguments": dict(event.arguments)}
            kept += unmarked(json.dumps(call))
        else:
            kept += event.text

    def letters(words: str) -> list[str]:
        words = words.replace("parameters", "arguments")
        return sorted(character for character in words if character.isalnum())

    assert letters(kept) == letters(left)


def test_calls_in_pythons_words_have_jsons_values():
    answer = "[add(a='x,)', b=[True, null, -1.5, {'c': None}])]"
    assert parsed(answer, _known_tools, "llama3") == [
        add(a="x,)", b=[True, None, -1.5, {"c": None}])
    ]


def test_a_call_is_told_as_soon_as_it_is_complete():
    parser = answer_parser(tool_format=BY_NAME["hermes"], tags=None, checks=_known_tools)
    assert parser.feed('<tool_call>\n{"name": "add", "arguments": {"a": 1, "b": 2}') == []
    assert parser.feed("}") == [add(a=1, b=2)]

    parser = answer_parser(tool_format=BY_NAME["mistral"], tags=None, checks=_known_tools)
    assert parser.feed('[TOOL_CALLS][{"name": "add", "arguments": {"a": 1, "b": 2}}') == [
        add(a=1, b=2)
    ]


def test_an_answer_in_json_is_not_held_back_by_a_format_whose_calls_look_like_it():
    parser = answer_parser(tool_format=BY_NAME["llama3"], tags=None, checks=_known_tools)
    assert parser.feed('{"answer": ') == [text('{"answer":')]


def test_reasoning_that_the_prompt_has_opened_needs_no_tag():
    assert parsed("hm\n</think>\n\nYes.", _known_tools, "none", is_thinking=True) == [
        thought("hm"),
        text("Yes."),
    ]


def test_what_the_tool_cannot_take_is_told_with_the_call(checks):
    answer = (
        '<tool_call>{"name": "add", "arguments": {"a": "x", "b": 2}}</tool_call>'
        '<tool_call>{"name": "subtract", "arguments": {}}</tool_call>'
    )
    first, second = parsed(answer, checks)
    assert first.problem == "arguments['a']: 'x' is not of type 'number'"
    assert second.problem == "there is no tool 'subtract'"


def test_answers_without_tools_and_reasoning_are_not_looked_at():
    parser = answer_parser(tool_format=None, tags=None)
    assert isinstance(parser, PlainText)
    assert parser.feed("<think><tool_call> ") == [text("<think><tool_call> ")]
    assert parser.feed("") == parser.finish() == []


class _KnownTools:
    """Stands for checks where their findings do not matter."""

    def knows(self, name: str) -> bool:
        return name in ("add", "get_weather")

    def find_problem(self, name: str, arguments: object) -> str:
        return ""


_known_tools = _KnownTools()
