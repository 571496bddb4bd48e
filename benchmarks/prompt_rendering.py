"""How long a large prompt takes from messages to a count of tokens: `python -m
benchmarks.prompt_rendering MODEL_FOLDER`.

The prompt of an agent: a system message of 100 kB and 40 tools, rendered with a template that
presents tools itself and with one that does not, and counted with the model's own tokenizer.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from inference.prompts import templates
from inference.prompts.conversation import prepare
from inference.prompts.tokens import encode
from inference.requests import Message

SYSTEM_BYTES = 100_000
TOOLS = 40
ROUNDS = 15
SENTENCE = "The assistant reads the files it changes, keeps to the style it finds and says why. "

NATIVE = """{%- if tools %}{{- '<|im_start|>system\\n' + messages[0].content + '\\n\\n<tools>' }}
{%- for tool in tools %}{{- '\\n' + (tool | tojson) }}{%- endfor %}
{{- '\\n</tools>\\n<tool_call></tool_call><|im_end|>\\n' }}{%- endif %}
{%- for message in messages[1:] %}
{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
{%- endfor %}{{- '<|im_start|>assistant\\n' }}"""


def example_tool(number: int) -> dict[str, Any]:
    """A tool as agents bring them, about 900 bytes."""
    properties = {
        f"argument_{index}": {"type": "string", "description": SENTENCE} for index in range(6)
    }
    parameters = {"type": "object", "properties": properties, "required": ["argument_0"]}
    function = {"name": f"tool_{number}", "description": SENTENCE * 2, "parameters": parameters}
    return {"type": "function", "function": function}


def time_rendering(template: str, tokenizer: Tokenizer) -> dict[str, float]:
    """Medians in milliseconds, and the prompt's size."""
    system = (SENTENCE * (SYSTEM_BYTES // len(SENTENCE) + 1))[:SYSTEM_BYTES]
    messages = (Message("system", system), Message("user", "What does the first file do?"))
    tools = tuple(example_tool(number) for number in range(TOOLS))
    rendering, counting = [], []
    tokens = 0
    for _ in range(ROUNDS):
        began = time.perf_counter()
        prepared = prepare(messages, template, tools=tools)
        text = templates.render_chat(
            template, prepared.messages, tools=prepared.tools, variables=prepared.variables
        )
        rendered = time.perf_counter()
        tokens = len(asyncio.run(encode(tokenizer, text, limit=10**6)))
        counting.append((time.perf_counter() - rendered) * 1_000)
        rendering.append((rendered - began) * 1_000)
    return {
        "render_ms": statistics.median(rendering),
        "count_ms": statistics.median(counting),
        "tokens": tokens,
    }


def main() -> None:
    """Print both templates' figures as JSON."""
    folder = Path(sys.argv[1])
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    own = (folder / "chat_template.jinja").read_text(encoding="utf-8")
    for name, template in (("template of the model", own), ("template with tools", NATIVE)):
        print(json.dumps({"template": name, **time_rendering(template, tokenizer)}))


if __name__ == "__main__":
    main()
