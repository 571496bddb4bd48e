"""Granite 3: a JSON list behind a special token. Granite 4 writes as Hermes does.

<|tool_call|>[{"name": "add", "arguments": {"a": 1}}]
"""

from __future__ import annotations

from inference.prompts.tool_formats.shape import ToolFormat, Wrapping, json_calls

OPEN = "<|tool_call|>"

GRANITE = ToolFormat(
    name="granite",
    openers=(OPEN,),
    read=json_calls(),
    wrapping=Wrapping(first=f"{OPEN}[", between=", ", last="]"),
    speaks=lambda template: "<|start_of_role|>" in template and "<tool_call>" not in template,
)
