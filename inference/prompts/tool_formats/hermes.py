"""Hermes, Qwen 2.5 and 3, Granite 4 and many others: one JSON object in tags for each call.

<tool_call>
{"name": "add", "arguments": {"a": 1}}
</tool_call>

Models whose template knows no tools are told to write so as well (`described.py`).
"""

from __future__ import annotations

from inference.prompts.tool_formats.shape import ToolFormat, Wrapping, json_calls

OPEN, CLOSE = "<tool_call>", "</tool_call>"

HERMES = ToolFormat(
    name="hermes",
    openers=(OPEN,),
    closers=(CLOSE,),
    read=json_calls(closer=CLOSE),
    wrapping=Wrapping(first=f"{OPEN}\n", between=f"\n{CLOSE}\n{OPEN}\n", last=f"\n{CLOSE}"),
    speaks=lambda template: OPEN in template,
)
