"""Modelfiles: what Ollama's `create -f` reads, as the body of POST /api/create. Pure.

Instructions stand at the beginning of a line, in any case; three quotes begin a text of many lines,
`#` a comment. Source of the grammar: Ollama's docs/modelfile.md and parser/parser.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from inference.errors import InvalidRequest

INTEGERS = frozenset(
    {"num_ctx", "num_predict", "num_keep", "seed", "top_k", "repeat_last_n", "num_batch"}
    | {"num_gpu", "main_gpu", "num_thread", "mirostat", "draft_num_predict"}
)
FLOATS = frozenset(
    {"temperature", "top_p", "min_p", "typical_p", "repeat_penalty", "presence_penalty"}
    | {"frequency_penalty", "tfs_z", "mirostat_tau", "mirostat_eta"}
)
LISTS = frozenset({"stop"})
ROLES = ("system", "user", "assistant")

_TRIPLE = '"""'
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}


@dataclass(frozen=True, slots=True)
class Modelfile:
    """`source` is what FROM names: a model, or a path if it looks like one. `body` is the rest, in
    the fields of POST /api/create."""

    source: str
    body: dict[str, Any]

    @property
    def names_a_file(self) -> bool:
        """Whether FROM means files rather than a model."""
        return self.source.startswith((".", "/", "~", "\\")) or bool(
            re.search(r"\.gguf$|^[A-Za-z]:[\\/]", self.source, re.IGNORECASE)
        )


@dataclass(frozen=True, slots=True)
class _Instruction:
    line: int
    word: str
    argument: str


def parse_modelfile(text: str) -> Modelfile:
    """What it says. Raises InvalidRequest with the number of the line that is wrong."""
    source = ""
    body: dict[str, Any] = {}
    parameters: dict[str, Any] = {}
    messages: list[dict[str, str]] = []
    licenses: list[str] = []
    for step in _instructions(text):
        if step.word == "FROM":
            if source:
                raise _wrong(step.line, "there is a second FROM; a model is made from one")
            source = _text(step)
        elif step.word in ("SYSTEM", "TEMPLATE"):
            body[step.word.lower()] = _text(step, may_be_empty=True)
        elif step.word == "LICENSE":
            licenses.append(_text(step))
        elif step.word == "PARAMETER":
            name, value = _parameter(step)
            if name in LISTS:
                parameters.setdefault(name, []).append(value)
            else:
                parameters[name] = value
        elif step.word == "MESSAGE":
            messages.append(_message(step))
        elif step.word in ("RENDERER", "PARSER", "REQUIRES"):
            body[step.word.lower()] = _text(step)
        elif step.word == "ADAPTER":
            raise _wrong(step.line, "ADAPTER: adapters are not supported")
        else:
            raise _wrong(step.line, f"{step.word[:40]} is no instruction of a Modelfile")
    if not source:
        raise InvalidRequest("the Modelfile has no FROM line", field="from")
    if parameters:
        body["parameters"] = parameters
    if messages:
        body["messages"] = messages
    if licenses:
        body["license"] = licenses
    return Modelfile(source, body)


def _instructions(text: str) -> Iterator[_Instruction]:
    # Not splitlines: a text may hold other things that count as the end of a line there.
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    number = 0
    while number < len(lines):
        begin, line = number + 1, lines[number].strip()
        number += 1
        if not line or line.startswith("#"):
            continue
        word, rest = (*line.split(None, 1), "")[:2]
        # A role or a parameter's name may stand before the quotes.
        before, quotes, inside = rest.partition(_TRIPLE)
        if quotes and (not before.strip() or re.fullmatch(r"\w+\s+", before.lstrip())):
            # As it stands in the file: white space inside quotes belongs to the text.
            inside = lines[begin - 1].split(_TRIPLE, 1)[1]
            parts = [inside]
            while _TRIPLE not in parts[-1]:
                if number >= len(lines):
                    raise _wrong(begin, f"the {_TRIPLE} of {word.upper()[:40]} has no end")
                parts.append(lines[number])
                number += 1
            inner, _, after = "\n".join(parts).rpartition(_TRIPLE)
            if after.strip():
                raise _wrong(number, f"something stands behind the closing {_TRIPLE}")
            rest = f"{before}{_TRIPLE}{inner}{_TRIPLE}"
        yield _Instruction(begin, word.upper(), rest.strip() if not quotes else rest.lstrip())


def _text(step: _Instruction, *, may_be_empty: bool = False) -> str:
    text = _unquoted(step.argument)
    if not text and not (may_be_empty and step.argument):
        raise _wrong(step.line, f"{step.word} says nothing")
    return text


def _parameter(step: _Instruction) -> tuple[str, Any]:
    name, _, argument = step.argument.partition(" ")
    name, text = name.lower(), _unquoted(argument.strip())
    if not name or not argument.strip():
        raise _wrong(step.line, "PARAMETER needs a name and a value")
    try:
        if name in INTEGERS:
            return name, int(text)
        if name in FLOATS:
            return name, float(text)
    except ValueError:
        raise _wrong(step.line, f"PARAMETER {name}: {text[:40]!r} is no number") from None
    if text in ("true", "false") and name not in LISTS:
        return name, text == "true"
    return name, text


def _message(step: _Instruction) -> dict[str, str]:
    role, _, argument = step.argument.partition(" ")
    if role not in ROLES:
        raise _wrong(step.line, f"MESSAGE: {role[:40]!r} is no role; known: {', '.join(ROLES)}")
    content = _unquoted(argument.strip() if _TRIPLE not in argument else argument.lstrip())
    if not content:
        raise _wrong(step.line, "MESSAGE needs a role and a text")
    return {"role": role, "content": content}


def _unquoted(text: str) -> str:
    if len(text) >= 2 * len(_TRIPLE) and text.startswith(_TRIPLE) and text.endswith(_TRIPLE):
        return text[len(_TRIPLE) : -len(_TRIPLE)]
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return re.sub(
            r"\\(.)", lambda found: _ESCAPES.get(found[1], found[0]), text[1:-1], flags=re.DOTALL
        )
    return text


def _wrong(line: int, words: str) -> InvalidRequest:
    return InvalidRequest(f"Modelfile, line {line}: {words}", field="modelfile")
