"""Who reached the server last, as the picture has it: clients by the names people know. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inference.callers import Caller

_NAMES = tuple(
    (re.compile(pattern, re.IGNORECASE), name)
    for pattern, name in (
        (r"claude-cli/([\d.]+)", "Claude Code"),
        (r"codex[\w-]*/([\d.]+)", "Codex"),
        (r"ollama-python/([\d.]+)", "ollama for Python"),
        (r"ollama-js/([\d.]+)", "ollama for JavaScript"),
        (r"ollama/([\d.]+)", "ollama CLI"),
        (r"(?:Async)?OpenAI/Python ([\d.]+)", "openai for Python"),
        (r"(?:Async)?OpenAI/JS ([\d.]+)", "openai for JavaScript"),
        (r"(?:Async)?Anthropic/Python ([\d.]+)", "anthropic for Python"),
        (r"(?:Async)?Anthropic/JS ([\d.]+)", "anthropic for JavaScript"),
        (r"Cursor/([\d.]+)", "Cursor"),
        (r"(?:Code|vscode)/([\d.]+)", "VS Code"),
        (r"GitHubCopilotChat/([\d.]+)", "Copilot Chat"),
        (r"Continue/([\d.]+)", "Continue"),
        (r"WindowsPowerShell/([\d.]+)", "Windows PowerShell"),
        (r"PowerShell/([\d.]+)", "PowerShell"),
        (r"Python-urllib/([\d.]+)", "Python"),
        (r"aiohttp/([\d.]+)", "aiohttp"),
        (r"()^Mozilla/", "a browser"),
    )
)
_PRODUCT = re.compile(r"([\w .-]{1,40}?)/v?([\d.]{1,20})")
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class CallerRow:
    """One client's latest request. `at` is milliseconds since 1970; `status` 0 until the answer is
    out."""

    address: str
    client: str
    request: str
    status: int
    requests: int
    at: int


def draw_callers(callers: Iterable[Caller]) -> tuple[CallerRow, ...]:
    """The rows of these clients, in their order."""
    return tuple(
        CallerRow(
            address=caller.address,
            client=client_words(caller.agent),
            request=f"{caller.method} {caller.path}",
            status=caller.status,
            requests=caller.requests,
            at=int(caller.at.timestamp() * 1000),
        )
        for caller in callers
    )


def client_words(agent: str) -> str:
    """What a User-Agent header means: "Claude Code 2.1.0"."""
    for pattern, name in _NAMES:
        if found := pattern.search(agent):
            return f"{name} {found[1]}".strip()
    if found := _PRODUCT.match(agent):
        return f"{found[1]} {found[2]}"
    return agent[:_LONGEST].strip() or "a client without a name"
