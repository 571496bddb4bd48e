"""Where a model's chat template lies in its folder, and several named ones made into one text.

Order: chat_template.jinja (with additional_chat_templates/NAME.jinja beside it), then
chat_template.json, then tokenizer_config.json, whose entry is a text or a list of named texts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DEFAULT = "default"
FOR_TOOLS = "tool_use"
SPECIAL_TOKENS = ("bos_token", "eos_token", "pad_token", "unk_token", "sep_token", "cls_token")


def read_chat_template(folder: Path) -> str:
    """The folder's chat template as one text, "" if it has none. Raises OSError, and ValueError
    for files that are not what they should be."""
    own = folder / "chat_template.jinja"
    if own.exists():
        named = {DEFAULT: own.read_text(encoding="utf-8")}
        for path in sorted((folder / "additional_chat_templates").glob("*.jinja")):
            named[path.stem] = path.read_text(encoding="utf-8")
        return one_template(named)
    for name in ("chat_template.json", "tokenizer_config.json"):
        found = _read_json(folder / name).get("chat_template")
        if isinstance(found, str):
            return found
        if isinstance(found, list):
            return one_template({entry["name"]: entry["template"] for entry in found})
    return ""


def read_special_tokens(folder: Path) -> dict[str, str]:
    """The texts of the special tokens in tokenizer_config.json, by the names templates use."""
    config = _read_json(folder / "tokenizer_config.json")
    found = {name: config.get(name) for name in SPECIAL_TOKENS}
    texts = {
        name: token.get("content") if isinstance(token, dict) else token
        for name, token in found.items()
    }
    return {name: text for name, text in texts.items() if isinstance(text, str)}


def one_template(named: Mapping[str, str]) -> str:
    """One template that does what the named ones do: the one for tools when there are tools."""
    default = named.get(DEFAULT) or next(iter(named.values()), "")
    tools = named.get(FOR_TOOLS, default)
    if tools == default:
        return default
    # The plus signs keep Jinja from trimming what lies at the borders.
    first, second = tools.removesuffix("\n"), default.removesuffix("\n")
    return "{% if tools +%}" + first + "{%+ else +%}" + second + "{%+ endif %}"


def _read_json(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError(f"{path.name} is not a JSON object")
    return content
