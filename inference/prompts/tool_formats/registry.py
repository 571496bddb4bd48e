"""Every known format, and which one a model speaks."""

from __future__ import annotations

from inference.prompts.tool_formats.granite import GRANITE
from inference.prompts.tool_formats.hermes import HERMES
from inference.prompts.tool_formats.llama3 import LLAMA3
from inference.prompts.tool_formats.mistral import MISTRAL, MISTRAL_NAMED
from inference.prompts.tool_formats.phi import PHI
from inference.prompts.tool_formats.shape import ToolFormat

FORMATS: tuple[ToolFormat, ...] = (
    MISTRAL_NAMED,
    MISTRAL,
    PHI,
    GRANITE,
    HERMES,
    LLAMA3,
)
"""In the order in which they are tried on a template."""


def format_in(template: str) -> ToolFormat | None:
    """The format that a chat template's text speaks of, None if it knows none."""
    return next((it for it in FORMATS if it.speaks(template)), None)
