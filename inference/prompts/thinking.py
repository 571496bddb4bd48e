"""Models that reason before they answer: their tags, and how a template is told to think or not.

A template says what its model does: the tags stand in it, and the names it reads
(`enable_thinking`, `thinking`, `reasoning_effort`) are the switches it has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inference.prompts.sandbox import names_in
from inference.requests import Think

SWITCHES = ("enable_thinking", "thinking")
EFFORT = "reasoning_effort"
LEVELS: Mapping[str, str] = {
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "high",
    "ultra": "high",
}
"""Clients' words for levels, as those that templates know."""


@dataclass(frozen=True, slots=True)
class Tags:
    """The markup around a model's reasoning; `others` is markup that is only to be dropped."""

    open: str
    close: str
    others: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """Every piece of markup."""
        return (self.open, self.close, *self.others)


KNOWN_TAGS = (
    # Granite 3 also marks where its answer begins.
    Tags("<think>", "</think>", ("<response>", "</response>")),
    Tags("<think>", "</think>"),
    Tags("[THINK]", "[/THINK]"),
)


def tags_in(template: str) -> Tags | None:
    """The tags a model reasons within, from its chat template; None if it does not reason."""
    for tags in KNOWN_TAGS:
        if all(mark in template for mark in tags.all):
            return tags
    if "<think>" in template or "</think>" in template:
        return Tags("<think>", "</think>")
    return None


def is_off(think: Think) -> bool:
    """Whether the request wants no reasoning."""
    return think is False or think == "none"


def template_variables(template: str, think: Think) -> dict[str, Any]:
    """The variables that tell this template what the request says."""
    if think is None or think == "":
        return {}
    names = names_in(template)
    variables: dict[str, Any] = {name: not is_off(think) for name in SWITCHES if name in names}
    if EFFORT in names and isinstance(think, str) and think in LEVELS:
        variables[EFFORT] = LEVELS[think]
    return variables


def follows(template: str, think: Think) -> bool:
    """Whether a model with this template does what the request says. Any does without reasoning;
    levels are only for templates that read them, elsewhere they are a switch at most. Raises
    jinja2.TemplateError."""
    if think is None or think == "" or is_off(think):
        return True
    names = names_in(template)
    if think is True:
        return tags_in(template) is not None or not names.isdisjoint((*SWITCHES, EFFORT))
    return EFFORT in names or ("thinking" in names and "enable_thinking" not in names)


def begin_answer(prompt: str, tags: Tags, think: Think) -> str:
    """The prompt with its end as the request wants it: where a template has no switch, reasoning is
    switched off by beginning the answer with an empty one."""
    if not is_off(think) or prompt.rstrip().endswith(tags.close):
        return prompt
    if is_open_at_end(prompt, tags):
        return f"{prompt.rstrip()}\n\n{tags.close}\n\n"
    return f"{prompt}{tags.open}\n\n{tags.close}\n\n"


def is_expected(template: str, think: Think) -> bool:
    """Whether a model with tags is going to reason: templates that read `thinking` do so only when
    told, others unless told not to."""
    if is_off(think):
        return False
    names = names_in(template)
    if "thinking" in names and "enable_thinking" not in names:
        return think is not None and think != ""
    return True


def is_open_at_end(prompt: str, tags: Tags) -> bool:
    """Whether the template has already opened the reasoning, so that the answer begins in it."""
    return prompt.rstrip().endswith(tags.open)


def keeps_reasoning_out(template: str, tags: Tags) -> bool:
    """Whether the template itself takes the reasoning of earlier turns out of their text."""
    return re.search(rf"""split\(\s*['"]{re.escape(tags.close)}['"]""", template) is not None


def without_reasoning(text: str, tags: Tags) -> str:
    """An earlier answer's text without its reasoning."""
    before, mark, after = text.rpartition(tags.close)
    if not mark:
        return text
    kept = before[: before.find(tags.open)] if tags.open in before else ""
    return (kept + after).lstrip()
