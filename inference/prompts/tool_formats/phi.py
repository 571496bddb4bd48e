"""Phi 4 mini: a JSON list between two special tokens.

<|tool_call|>[{"name": "add", "arguments": {"a": 1}}]<|/tool_call|>
"""

from __future__ import annotations

from inference.prompts.tool_formats.shape import ToolFormat, Wrapping, json_calls

OPEN, CLOSE = "<|tool_call|>", "<|/tool_call|>"

PHI = ToolFormat(
    name="phi",
    openers=(OPEN,),
    closers=(CLOSE,),
    read=json_calls(closer=CLOSE),
    wrapping=Wrapping(first=f"{OPEN}[", between=", ", last=f"]{CLOSE}"),
    # Its template names the tokens around the tools' descriptions only.
    speaks=lambda template: "<|tool|>" in template or CLOSE in template,
)
