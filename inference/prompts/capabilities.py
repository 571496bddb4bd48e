"""What a model can do, as far as its chat template and its vocabulary tell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from jinja2 import TemplateError

from inference.prompts.conversation import native_format
from inference.prompts.thinking import tags_in


@dataclass(frozen=True, slots=True)
class Insertion:
    """The special tokens by which a model is asked for what stands between two texts."""

    prefix: str
    suffix: str
    middle: str

    def prompt(self, before: str, after: str) -> str:
        """The prompt whose answer stands between the two."""
        return f"{self.prefix}{before}{self.suffix}{after}{self.middle}"


INSERTIONS = (
    Insertion("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"),  # Qwen Coder, CodeGemma
    Insertion("<fim_prefix>", "<fim_suffix>", "<fim_middle>"),  # StarCoder, Granite Code
    Insertion("<fim-prefix>", "<fim-suffix>", "<fim-middle>"),
    Insertion("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"),  # noqa: RUF001 (DeepSeek Coder)
    Insertion("▁<PRE>", "▁<SUF>", "▁<MID>"),  # Code Llama
)
_CODERS = ("code", "coder", "starcoder", "codestral", "codegemma")


def capabilities_of(
    template: str, *, name: str = "", vocabulary: Iterable[str] = ()
) -> tuple[str, ...]:
    """In the words of Ollama's `capabilities`: completion, tools, insert, thinking.

    Every model with a chat template can be given tools: one whose template knows none is told of
    them in words (`described.py`). `name` and `vocabulary` (the tokenizer's special tokens) tell
    whether it fills in; the tokens alone do not, as some families share one vocabulary.
    """
    found = ["completion"]
    if template:
        found.append("tools")
    if insertion_of(name, vocabulary) is not None:
        found.append("insert")
    if tags_in(template) is not None:
        found.append("thinking")
    return tuple(found)


def insertion_of(name: str, vocabulary: Iterable[str]) -> Insertion | None:
    """How that model is asked to fill in; None if it cannot."""
    if not any(word in name.lower() for word in _CODERS):
        return None
    tokens = set(vocabulary)
    return next(
        (it for it in INSERTIONS if {it.prefix, it.suffix, it.middle} <= tokens),
        None,
    )


def calls_tools_natively(template: str) -> bool:
    """Whether the model was taught to call tools, and its template can present them."""
    try:
        return native_format(template) is not None
    except TemplateError:
        return False


def template_shown(template: str) -> str:
    """The template as /api/show gives it. Some clients (litellm) take a model to know tools if the
    word stands in it, so a template that does not name them gets a comment that does."""
    if not template or "tools" in template:
        return template
    return "{# tools are described in the system message #}" + template
