"""Chat templates: as transformers renders them, and within limits."""

from __future__ import annotations

import itertools
from datetime import datetime

import pytest

from inference.errors import InvalidRequest
from inference.prompts import templates
from inference.prompts.conversation import prepare
from inference.prompts.template_files import one_template, read_chat_template, read_special_tokens
from inference.requests import Message, ToolChoice
from tests.prompts.conversations import (
    CALLED,
    CALLED_TWICE,
    FAMILIES,
    QUESTION,
    REASONED,
    SEVERAL_TURNS,
    SPECIAL_TOKENS,
    TOOLS,
    WITH_SYSTEM,
    template_of,
)

CONVERSATIONS = {
    "a question": QUESTION,
    "with a system message": WITH_SYSTEM,
    "several turns": SEVERAL_TURNS,
    "a call and its result": CALLED,
    "two calls and their results": CALLED_TWICE,
    "earlier reasoning": REASONED,
}


def transformers_renders(template: str, turns: list[dict], tools: list, **values: object) -> str:
    from transformers.utils.chat_template_utils import render_jinja_template

    rendered, _ = render_jinja_template(
        conversations=[turns],
        tools=tools or None,
        chat_template=template,
        add_generation_prompt=True,
        **SPECIAL_TOKENS,
        **values,
    )
    return rendered[0]


@pytest.mark.parametrize(
    ("family", "conversation", "has_tools", "think"),
    list(itertools.product(FAMILIES, CONVERSATIONS, [False, True], [None, True, False])),
)
def test_a_prompt_is_what_transformers_makes_of_it(family, conversation, has_tools, think):
    template = template_of(family)
    prepared = prepare(
        CONVERSATIONS[conversation], template, tools=TOOLS if has_tools else (), think=think
    )
    turns = [{"role": m.role, "content": m.content, **m.extra} for m in prepared.messages]
    expected = transformers_renders(
        template, turns, list(prepared.tools), **dict(prepared.variables)
    )

    rendered = templates.render_chat(
        template,
        prepared.messages,
        tools=prepared.tools,
        special_tokens=SPECIAL_TOKENS,
        variables=prepared.variables,
    )

    assert rendered == expected
    assert "What is 2 + 3" in rendered
    assert ("get_weather" in rendered) == (has_tools or conversation.startswith("two"))


def rendered(family: str, messages=QUESTION, tools=(), **options) -> str:
    prepared = prepare(messages, template_of(family), tools=tools, **options)
    return templates.render_chat(
        template_of(family),
        prepared.messages,
        tools=prepared.tools,
        special_tokens=SPECIAL_TOKENS,
        variables=prepared.variables,
    )


def test_a_model_without_tools_in_its_template_is_told_of_them_in_words():
    text = rendered("smollm2", CALLED_TWICE, TOOLS)

    assert text.startswith("<|im_start|>system\nYou can call these tools.")
    assert '{"name": "get_weather", "description": "The weather of a place, in °C' in text
    assert text.endswith(
        "<|im_start|>assistant\nBoth at once.\n"
        '<tool_call>\n{"name": "add", "arguments": {"a": 2, "b": 3}}\n</tool_call>\n'
        '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Zürich"}}\n</tool_call>'
        "<|im_end|>\n"
        "<|im_start|>user\n<tool_response>\n5\n</tool_response>\n"
        "<tool_response>\nsunny\n</tool_response><|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_the_description_of_tools_follows_the_system_message():
    assert "Be brief.\n\nYou can call these tools." in rendered("gemma3", WITH_SYSTEM, TOOLS)


def test_a_model_is_told_of_no_tools_when_it_may_not_call_any():
    for family in FAMILIES:
        assert "get_weather" not in rendered(family, tools=TOOLS, choice=ToolChoice("none")), family


def test_thinking_is_switched_by_the_variable_a_template_reads():
    assert rendered("qwen3", think=False).endswith("<think>\n\n</think>\n\n")
    assert rendered("qwen3", think=True).endswith("<|im_start|>assistant\n")
    assert "<think></think>" in rendered("granite3", think="high")
    assert "<think></think>" not in rendered("granite3", think=False)


def test_a_clients_own_template_variables_win():
    text = rendered("qwen3", think=True, variables={"enable_thinking": False})
    assert text.endswith("</think>\n\n")


def test_variables_cannot_replace_the_conversation():
    text = templates.render_chat(
        "{{ messages[0].content }}{{ tools }}",
        [Message("user", "mine")],
        variables={"messages": [{"content": "other"}], "tools": "other"},
    )
    assert text == "mineNone"


def test_calls_of_one_turn_become_turns_where_a_template_wants_one_each():
    text = rendered("llama3", CALLED_TWICE, TOOLS)

    parts = [
        'assistant<|end_header_id|>\n\n{"name": "add"',
        "ipython<|end_header_id|>\n\n5",
        'assistant<|end_header_id|>\n\n{"name": "get_weather"',
        "ipython<|end_header_id|>\n\nsunny",
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def test_call_ids_are_as_short_as_mistral_wants_them_and_still_match():
    import re

    call_ids = re.findall(r'"id": "(\w+)"', rendered("mistral", CALLED_TWICE, TOOLS))
    result_ids = re.findall(r'"call_id": "(\w+)"', rendered("mistral", CALLED_TWICE, TOOLS))
    assert call_ids == result_ids
    assert len(set(call_ids)) == 2
    assert {len(it) for it in call_ids} == {9}


def test_turns_are_joined_for_templates_that_want_them_to_alternate():
    messages = (
        Message("user", "one"),
        Message("user", "two"),
        Message("assistant", "three"),
        Message("system", "four"),
        Message("user", "five"),
    )
    text = rendered("gemma3", messages)
    assert "<start_of_turn>user\none\n\ntwo<end_of_turn>" in text
    assert "<start_of_turn>user\nfour\n\nfive<end_of_turn>" in text


def test_a_refused_system_message_is_told_by_the_user():
    template = (
        "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
        "{% for m in messages %}[{{ m.role }}: {{ m.content }}]{% endfor %}"
    )
    text = templates.render_chat(template, WITH_SYSTEM)
    assert text == "[user: Be brief.\n\nWhat is 2 + 3, and the weather in Zürich?]"


def test_what_a_template_refuses_all_the_same_is_told_in_its_words():
    with pytest.raises(InvalidRequest, match="the chat template refuses: no, thanks") as caught:
        templates.render_chat("{{ raise_exception('no, thanks') }}", QUESTION)
    assert caught.value.field == "messages"


def test_the_last_message_can_be_continued():
    messages = (*QUESTION, Message("assistant", "The answer is "))
    for family in ("smollm2", "qwen25", "llama3", "gemma3"):
        text = templates.render_chat(
            template_of(family),
            messages,
            special_tokens=SPECIAL_TOKENS,
            continue_final_message=True,
        )
        assert text.endswith("The answer is"), family


def test_the_extras_of_transformers_are_there():
    text = templates.render_chat(
        "{% generation %}{{ strftime_now('%Y') }}{% endgeneration %}"
        "{{ {'b': 'ü<', 'a': [1]} | tojson(indent=1, sort_keys=true, ensure_ascii=true) }}"
        "{{ [1, 2] | tojson(separators=(',', ':')) }}{{ documents[0].text }}"
        "{% for i in range(9) %}{% if i == 1 %}{% continue %}{% endif %}"
        "{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}",
        QUESTION,
        documents=[{"text": "doc"}],
    )
    year = datetime.now().astimezone().year
    assert text == f'{year}{{\n "a": [\n  1\n ],\n "b": "\\u00fc<"\n}}[1,2]doc02'


HOSTILE = {
    "loops within loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}"
    "{% endfor %}",
    "a loop over a long text": "{% for a in 'x' * 90000 %}{% for b in 'x' * 90000 %}{% endfor %}"
    "{% endfor %}",
    "a call that calls itself twice": "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}"
    "{% endif %}{% endmacro %}{{ f(40) }}",
    "a call that calls itself for ever": "{% macro f(n) %}{{ f(n) }}{% endmacro %}{{ f(1) }}",
    "a text many times over": "{{ 'x' * 10000000000 }}",
    "a text that doubles": "{% set n = namespace(x='xxxx') %}{% for i in range(60) %}"
    "{% set n.x = n.x + n.x %}{% endfor %}",
    "a text that doubles by joining": "{% set n = namespace(x='xxxx') %}{% for i in range(60) %}"
    "{% set n.x = n.x ~ n.x %}{% endfor %}",
    "a text that doubles by capture": "{% set n = namespace(x='xxxx') %}{% for i in range(60) %}"
    "{% set n.x %}{{ n.x }}{{ n.x }}{% endset %}{% endfor %}",
    "a text that doubles in a macro": "{% macro d(x) %}{{ x }}{{ x }}{% endmacro %}"
    "{% set n = namespace(x='xxxx') %}{% for i in range(60) %}{% set n.x = d(n.x) %}{% endfor %}",
    "a list that doubles": "{% set n = namespace(x=[1]) %}{% for i in range(60) %}"
    "{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}",
    "escapes of escapes": "{% set n = namespace(x='\"') %}{% for i in range(60) %}"
    "{% set n.x = n.x | tojson %}{% endfor %}",
    "a text joined with itself": "{% set n = namespace(x='xxxx') %}{% for i in range(60) %}"
    "{% set n.x = n.x | join(n.x) %}{% endfor %}",
    "a replacement": "{{ ('a' * 90000) | replace('a', 'b' * 90000) }}",
    "a width": "{{ 'x' | center(10000000000) }}",
    "the width of a method": "{{ 'x'.ljust(10000000000) }}",
    "the width of a format": "{{ '%010000000000d' % 1 }}",
    "the width of another format": "{{ '{:10000000000d}'.format(1) }}",
    "a width out of an argument": "{{ '{:{w}d}'.format(1, w=10000000000) }}",
    "an indent": "{{ {'a': 1} | tojson(indent=1000000000) }}",
    "very many slices": "{{ [1] | slice(10000000000) | list }}",
    "a power": "{{ 9 ** (9 ** 9) }}",
    "Python's insides": "{{ ''.__class__.__mro__ }}",
    "Python's insides by a namespace": "{% set n = namespace(__class__=1) %}",
}


@pytest.mark.parametrize("attack", HOSTILE)
def test_a_hostile_template_neither_hangs_nor_fills_the_memory(attack):
    with pytest.raises(InvalidRequest, match="cannot be rendered"):
        templates.render_chat(HOSTILE[attack], QUESTION)


def test_a_template_that_is_none_is_told_so():
    with pytest.raises(InvalidRequest, match="the chat template is not valid"):
        templates.check_template("{% if %}")


def test_named_templates_become_one(tmp_path):
    named = {"default": "\n  D {{ messages[0].content }} \n", "tool_use": "  T {{ tools }}\n"}
    template = one_template(named)
    hello = [Message("user", "hi")]
    assert templates.render_chat(template, hello) == templates.render_chat(named["default"], hello)
    assert templates.render_chat(template, hello, tools=[{}]) == "  T [{}]"


def test_templates_are_found_where_models_keep_them(tmp_path):
    assert read_chat_template(tmp_path) == ""
    (tmp_path / "tokenizer_config.json").write_text(
        '{"chat_template": [{"name": "default", "template": "D"}, '
        '{"name": "tool_use", "template": "T"}], '
        '"bos_token": {"content": "<b>"}, "eos_token": "<e>"}'
    )
    assert "T" in read_chat_template(tmp_path)
    assert read_special_tokens(tmp_path) == {"bos_token": "<b>", "eos_token": "<e>"}
    (tmp_path / "chat_template.jinja").write_text("J")
    assert read_chat_template(tmp_path) == "J"


async def test_a_long_conversation_is_rendered_too():
    messages = [Message("system", "word " * 20_000), *QUESTION]
    text = await templates.render(template_of("qwen3"), messages, tools=TOOLS * 20)
    assert len(text) > 100_000
