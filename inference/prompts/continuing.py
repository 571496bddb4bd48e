"""Grammars of the rest of an answer, for one that goes on where another run of it ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from inference.prompts.schemas.remaining import NoRemainder, leave_loop, remaining_grammar
from inference.requests import Grammar

Form = Mapping[str, Any]


def grammar_behind(grammar: Grammar, text: str) -> Grammar:
    """What holds the rest of an answer of which `text`, as the model wrote it, is there. Raises
    NoRemainder: for text that `grammar` does not begin with, and for grammars that are not of
    ours."""
    if grammar.kind == "ebnf":
        return Grammar("ebnf", remaining_grammar(grammar.text, text))
    if grammar.kind == "structure":
        form = _behind(json.loads(grammar.text)["format"], text)
        return Grammar("structure", json.dumps({"type": "structural_tag", "format": form}))
    raise NoRemainder(f"a grammar of kind {grammar.kind}")


def grammar_out_of_loop(grammar: Grammar, text: str, *, before: str = "") -> Grammar | None:
    """What holds the rest of an answer that goes round in a string or list: it begins with closing
    that. None for an answer that does not, or cannot be closed just there. `before` is the answer
    before the text that `grammar` holds."""
    if grammar.kind != "ebnf":
        return None
    rest = leave_loop(grammar.text, text, before=before)
    return None if rest is None else Grammar("ebnf", rest)


def _behind(form: Form, text: str) -> Form:
    match form["type"]:
        case "grammar":
            return {**form, "grammar": remaining_grammar(form["grammar"], text)}
        case "const_string" if form["value"].startswith(text):
            return {**form, "value": form["value"][len(text) :]}
        case "sequence":
            return _behind_reasoning(form, text)
        case "or":
            return _behind_one(form, text)
        case "triggered_tags":
            return _behind_tags(form, text)
    raise NoRemainder(f"a {form['type']}")


def _behind_reasoning(form: Form, text: str) -> Form:
    """Reasoning, white space and what is held (`constraints.after_thinking`)."""
    reasoning, space, held = form["elements"]
    begin = reasoning["begin"]
    if begin.startswith(text):
        left = begin[len(text) :]
        return {**form, "elements": [{**reasoning, "begin": left}, space, held]}
    _, mark, after = text[len(begin) :].partition(reasoning["end"])
    if not mark:
        return {**form, "elements": [{**reasoning, "begin": ""}, space, held]}
    if after != space["value"] and space["value"].startswith(after):
        return {**form, "elements": [_behind(space, after), held]}
    return _behind(held, after.removeprefix(space["value"]))


def _behind_one(form: Form, text: str) -> Form:
    left = []
    for element in form["elements"]:
        try:
            left.append(_behind(element, text))
        except NoRemainder:
            continue
    if not left:
        raise NoRemainder("none of several")
    return left[0] if len(left) == 1 else {**form, "elements": left}


def _behind_tags(form: Form, text: str) -> Form:
    """Free text with calls in it; behind the last opening, what is left of that call first."""
    (tag,) = form["tags"]
    _, mark, inside = text.rpartition(tag["begin"])
    if not mark:
        if any(text.endswith(tag["begin"][:size]) for size in range(1, len(tag["begin"]))):
            raise NoRemainder("an opening that has only begun")
        return form
    again = [] if form["stop_after_first"] else [form]
    end = tag["end"]
    for begun in range(min(len(end), len(inside)) + 1):
        if inside[len(inside) - begun :] != end[:begun]:
            continue
        try:
            content = _behind(tag["content"], inside[: len(inside) - begun])
        except NoRemainder:
            continue
        left = {"type": "const_string", "value": end[begun:]}
        elements = [content, left] if begun == 0 else [left] if left["value"] else []
        return {"type": "sequence", "elements": [*elements, *again]}
    if not again:
        raise NoRemainder("the answer is over")
    return form
