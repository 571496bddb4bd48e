"""Ollama's Go templates, rendered as Ollama would."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.errors import InvalidRequest
from inference.prompts.go_templates import as_jinja, is_jinja
from inference.prompts.templates import render_chat
from inference.requests import Message

SYSTEM = Message("system", "Be brief.")
HI = Message("user", "It's {{ me }}")
HELLO = Message("assistant", "Hello.")
BYE = Message("user", "Bye")
CONVERSATION = [SYSTEM, HI, HELLO, BYE]
CALL = {"type": "function", "function": {"name": "look", "arguments": {"at": "sky", "n": 2}}}
TOOL = {"type": "function", "function": {"name": "look", "description": "Look."}}

CHATML = """{{ if .System }}<|im_start|>system
{{ .System }}<|im_end|>
{{ end }}{{ if .Prompt }}<|im_start|>user
{{ .Prompt }}<|im_end|>
{{ end }}<|im_start|>assistant
{{ .Response }}<|im_end|>
"""
LOOPED = """{{- if .Tools }}Tools:
{{- range .Tools }} {{ .Function }}{{ end }}
{{ end }}
{{- range $i, $_ := .Messages }}
{{- $last := eq (len (slice $.Messages $i)) 1 -}}
{{- if eq .Role "user" "system" }}[{{ .Role }}] {{ .Content }}
{{ else if eq .Role "assistant" }}[assistant] {{ .Content }}
{{- range .ToolCalls }}<call>{{ .Function.Name }} {{ json .Function.Arguments }}</call>{{ end }}
{{- if not $last }}
{{ end }}
{{- else if eq .Role "tool" }}[{{ .ToolName }}] {{ .Content }}
{{ end }}
{{- if and $last (ne .Role "assistant") }}[assistant] {{ end }}
{{- end }}"""

TEMPLATES: list[tuple[str, list[Message], dict[str, Any], str]] = [
    (
        CHATML,
        CONVERSATION,
        {},
        ("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nIt's {{ me }}<|im_end|>\n"
        "<|im_start|>assistant\nHello.<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n"
        "<|im_start|>assistant\n"),
    ),
    ("[INST] {{ .Prompt }} [/INST]", [HI], {}, "[INST] It's {{ me }} [/INST]"),
    (
        "{{ .System }}|{{ .Prompt }}|{{ .Response }}<end>",
        [SYSTEM, HI, HELLO, BYE],
        {},
        "Be brief.|It's {{ me }}|Hello.<end>|Bye|",
    ),
    ("{{ .Prompt }}{{ if .Response }} R {{ .Response }}{{ end }}", [HI], {}, "It's {{ me }}"),
    ("{{ .Prompt }} > {{ .Response }}", [HI, HELLO], {}, "It's {{ me }} > Hello."),
    (
        LOOPED,
        CONVERSATION,
        {},
        "[system] Be brief.\n[user] It's {{ me }}\n[assistant] Hello.\n[user] Bye\n[assistant] ",
    ),
    (
        LOOPED,
        [
            HI,
            Message("assistant", "", {"tool_calls": [CALL]}),
            Message("tool", "blue", {"tool_name": "look"}),
        ],
        {"tools": [TOOL]},
        ('Tools: {"name": "look", "description": "Look."}\n[user] It\'s {{ me }}\n'
        '[assistant] <call>look {"at": "sky", "n": 2}</call>\n[look] blue\n[assistant] '),
    ),
    (LOOPED, [HI, HELLO], {}, "[user] It's {{ me }}\n[assistant] Hello."),
    (
        "{{ if .Suffix }}<P>{{ .Prompt }}<S>{{ .Suffix }}<M>{{ else }}{{ .Prompt }}{{ end }}",
        [HI],
        {"variables": {"suffix": "q"}},
        "<P>It's {{ me }}<S>q<M>",
    ),
    ("{{ .System }}{{ range .Messages }}{{ .Content }},{{ end }}", [SYSTEM, HI], {},
     "Be brief.Be brief.,It's {{ me }},"),
    ("a  {{- /* note */ -}}  b{{ .Prompt }}", [BYE], {}, "abBye"),
    ("a {{- \"\\t\\\"'\\x41\" -}} {{ `r\\n` }}{{ .Prompt }}", [BYE], {}, "a\t\"'Ar\\nBye"),
    ("{{ with .System }}<{{ . }}>{{ else }}none{{ end }}{{ .Prompt }}", [BYE], {}, "noneBye"),
    ("{{ with .System }}<{{ . }}>{{ end }}{{ .Prompt }}", [SYSTEM, BYE], {}, "<Be brief.>Bye"),
    (
        ("{{ $n := 0 }}{{ range .Messages }}{{ if eq .Role \"user\" }}{{ $n = .Content }}{{ end }}"
        "{{ end }}{{ $n }}"),
        CONVERSATION,
        {},
        "Bye",
    ),
    (
        ("{{ range .Messages }}{{ if eq .Role \"assistant\" }}{{ break }}{{ end }}{{ .Role }} "
        "{{ end }}"),
        CONVERSATION,
        {},
        "system user ",
    ),
    (
        ("{{ range .Messages }}{{ range .ToolCalls }}{{ range $k, $v := .Function.Arguments }}"
        "{{ $k }}={{ $v }};{{ end }}{{ end }}{{ end }}"),
        [HI, Message("assistant", "", {"tool_calls": [CALL]})],
        {},
        "at=sky;n=2;",
    ),
    (
        "{{ if .IsThinkSet }}{{ if .Think }}on{{ else }}off{{ end }}{{ end }}{{ .Prompt }}",
        [BYE],
        {"variables": {"enable_thinking": False}},
        "offBye",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("template", "messages", "options", "text"), TEMPLATES, ids=lambda value: str(value)[:40]
)
def test_a_go_template_renders_as_ollama_renders_it(
    template: str, messages: list[Message], options: dict[str, Any], text: str
) -> None:
    assert render_chat(as_jinja(template), messages, **options) == text


@pytest.mark.parametrize(
    ("template", "named"),
    [
        ('{{ template "x" }}', '{{ template "x" }} is not supported'),
        ('{{ define "x" }}{{ end }}', '{{ define "x" }} is not supported'),
        ("{{ .Nope }}", ".Nope is not known"),
        ("{{ range .Messages }}{{ .Size }}{{ end }}", ".Size is not known"),
        ('{{ printf "%d" 1 }}', "the function printf is not supported"),
        ("{{ eq .Prompt }}", "the function eq cannot take 1 arguments"),
        ("{{ if .System }}x", "{{ if .System }} has no end"),
        ("{{ end }}", "{{ end }} has no beginning"),
        ("{{ else }}", "{{ else }} has no beginning"),
        ("{{ .System", "{{ .System cannot be read"),
        ("{{ (.System).Role }}", "{{ (.System).Role }} is not supported"),
        ("{{ $a, $b := .System }}", "{{ $a, $b := .System }} is not supported"),
        ("{{ . }}", "the whole of the request cannot be a value"),
        ("{{ if 1 }}" * 100, "it is nested too deeply"),
    ],
)
def test_what_cannot_be_said_in_jinja_is_refused_by_name(template: str, named: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        as_jinja(template)

    assert refused.value.message == f"template: {named}"


@pytest.mark.parametrize(
    ("template", "is_so"),
    [
        ("{% for message in messages %}{% endfor %}", True),
        ("{{ messages[0].content }}", True),
        ("{{- messages | first }}", True),
        ("{{ .Prompt }}", False),
        ("{{ if .Messages }}messages{{ end }}", False),
    ],
)
def test_jinja_is_told_from_go(template: str, is_so: bool) -> None:
    assert is_jinja(template) is is_so
    assert not is_so or as_jinja(template) == template


PIECES = st.sampled_from(
    ["{{", "}}", "-", " ", "if", "end", ".Prompt", ".Response", "$x", ":=", "(", ")", "|", '"', "`"]
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_no_text_breaks_the_translator(template: str) -> None:
    """It is translated to something that renders, or refused."""
    try:
        jinja = as_jinja(template)
    except InvalidRequest:
        return
    assert isinstance(render_chat(jinja, [HI]), str)


@given(st.text(alphabet=st.characters(exclude_characters="{}"), max_size=40))
def test_text_without_actions_is_printed_as_it_is(text: str) -> None:
    assert render_chat(as_jinja(text + "{{ .Prompt }}"), [BYE]) == text + "Bye"
