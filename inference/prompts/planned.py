"""Everything a request needs of its prompt, in one: text, grammar, and how to read the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inference.prompts import templates, thinking
from inference.prompts.answers import NO_TOOLS, Parser, answer_parser
from inference.prompts.arguments import ToolChecks, checks_of
from inference.prompts.constraints import after_thinking, call_grammar, calls_or
from inference.prompts.conversation import Prepared, Tool, prepare
from inference.requests import Grammar, Message, Think, ToolChoice


@dataclass(frozen=True, slots=True)
class PlannedPrompt:
    """A prompt ready to be tokenised. `grammar` holds the answer to what the request demands;
    `is_thinking` says that the text ends inside the reasoning."""

    text: str
    grammar: Grammar | None
    prepared: Prepared
    is_thinking: bool = False
    checks: ToolChecks = NO_TOOLS

    @property
    def is_plain(self) -> bool:
        """Whether answers are text from beginning to end, so that no parser is needed."""
        return self.prepared.tool_format is None and self.prepared.tags is None

    def new_parser(self) -> Parser:
        """A parser for one answer to this prompt."""
        return answer_parser(
            tool_format=self.prepared.tool_format,
            tags=self.prepared.tags,
            is_thinking=self.is_thinking,
            checks=self.checks,
        )


VERBATIM = PlannedPrompt("", None, Prepared(()))
"""A text that no chat template made, and an answer in which nothing is looked for."""


async def plan_prompt(
    messages: Sequence[Message],
    template: str,
    *,
    tools: Sequence[Tool] = (),
    choice: ToolChoice = ToolChoice(),
    think: Think = None,
    grammar: Grammar | None = None,
    variables: Mapping[str, Any] | None = None,
    special_tokens: Mapping[str, str] | None = None,
    documents: Sequence[Mapping[str, Any]] = (),
    continue_final_message: bool = False,
) -> PlannedPrompt:
    """The prompt of a conversation. `grammar` is what the answer's text must satisfy; calls, where
    they may be made, stand beside it. Never blocks the loop for long. Raises InvalidRequest."""
    prepared = prepare(
        messages, template, tools=tools, choice=choice, think=think, variables=variables
    )
    text = await templates.render(
        template,
        prepared.messages,
        tools=prepared.tools,
        documents=documents,
        special_tokens=special_tokens,
        variables=prepared.variables,
        continue_final_message=continue_final_message,
    )
    checks = await checks_of(tools) if prepared.tool_format else NO_TOOLS
    calls = await asyncio.to_thread(_calls, prepared, tools, choice, grammar) if tools else grammar
    tags = prepared.tags
    if tags is None or continue_final_message:
        return PlannedPrompt(text, calls, prepared, checks=checks)
    text = thinking.begin_answer(text, tags, think)
    is_open = thinking.is_open_at_end(text, tags)
    is_closed = text.rstrip().endswith(tags.close)
    is_reasoning = is_open or (not is_closed and thinking.is_expected(template, think))
    if calls is not None and is_reasoning:
        calls = after_thinking(calls, tags, is_open=is_open)
    return PlannedPrompt(text, calls, prepared, is_open, checks)


def _calls(
    prepared: Prepared, tools: Sequence[Tool], choice: ToolChoice, grammar: Grammar | None
) -> Grammar | None:
    """What holds the answer: calls that are required, or the client's grammar, or either."""
    if prepared.tool_format is None:
        return grammar
    if choice.mode == "auto" and grammar is not None:
        return calls_or(grammar, prepared.tool_format, tools, choice)
    return call_grammar(prepared.tool_format, tools, choice, is_described=prepared.is_described)
