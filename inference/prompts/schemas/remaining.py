"""What of a grammar is left behind the text that is already there.

An engine knows a grammar only from its beginning. With what is left of it an answer can go on in
another engine, and out of a loop that a small model does not leave by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from inference.prompts.schemas.ebnf import EMPTY, either, literal, repeated, sequence
from inference.prompts.schemas.reading import (
    Characters,
    Either,
    Name,
    Part,
    Repeat,
    Sequence,
    Text,
    read_grammar,
)

_QUOTE = re.compile(r'(?<!\\)(?:\\\\)*"')
LONGEST_TEXT = 20_000
MOST_STATES = 2_000
LOOP_CHARACTERS = 240
LOOP_IN_A_STRING = 120
"""Lists hold the same over and over for good reasons, texts hardly ever."""
LEAST_TURNS = 5

State = tuple[Part, "State"] | tuple[()]
"""What is still to come, the next part first."""


class NoRemainder(Exception):
    """The text is no beginning of the grammar's, or there are too many ways to read it."""


def remaining_grammar(grammar: str, text: str, *, first: str = "") -> str:
    """The grammar of what may follow `text`, of which `grammar` made the beginning. What follows
    begins with `first`. Takes some milliseconds per thousand characters. Raises NoRemainder."""
    rules = read_grammar(grammar)
    states = _after(rules, text + first)
    rest = either([_expression(state) for state in sorted(states, key=repr)])
    root = sequence(literal(first), rest)
    others = [line for line in grammar.split("\n") if not line.startswith("root ::= ")]
    return "\n".join([f"root ::= {root}", *others])


def leave_loop(grammar: str, text: str, *, before: str = "") -> str | None:
    """The grammar of what may follow when the string or list is closed in which `text` ends saying
    the same over and over; None where it does not, or cannot be closed just there. `before` is
    what of the answer stands before the text that `grammar` holds."""
    turn = repeated_turn(text)
    is_in_string = _is_in_string(before + text)
    if not turn or not (is_in_string or repeated_turn(text, LOOP_CHARACTERS)):
        return None
    # A turn with quotes in it is an item of a list: the next one would be the same again.
    is_item = '"' in turn
    closers = ('"]' if is_item else '"', '"') if is_in_string else ("]",)
    for first in closers:
        try:
            return remaining_grammar(grammar, text, first=first)
        except NoRemainder:
            continue
    return None


def _is_in_string(text: str) -> bool:
    return len(_QUOTE.findall(text)) % 2 == 1


def repeated_turn(text: str, characters: int = LOOP_IN_A_STRING) -> str:
    """What the text's end says over and over, for so many characters and turns at least; "" if it
    does not. Takes some microseconds."""
    for period in range(1, LOOP_CHARACTERS // LEAST_TURNS + 1):
        length = max(characters, LEAST_TURNS * period)
        end = text[-length:]
        if len(end) == length and end[period:] == end[:-period]:
            return end[:period]
    return ""


def _after(rules: dict[str, Part], text: str) -> set[State]:
    if len(text) > LONGEST_TEXT:
        raise NoRemainder("the text is too long")
    states: set[State] = {(rules["root"], ())}
    for character in text:
        following: set[State] = set()
        for state in states:
            following.update(_step(rules, state, character))
        if not following or len(following) > MOST_STATES:
            raise NoRemainder("the text is no beginning of the grammar")
        states = following
    return states


def _step(rules: dict[str, Part], start: State, character: str) -> Iterator[State]:
    """The states that one more character leads to."""
    waiting, seen = [start], {start}
    while waiting:
        state = waiting.pop()
        if not state:
            continue
        part, rest = state
        match part:
            case Text(text) if text:
                if text[0] == character:
                    yield (Text(text[1:]), rest) if len(text) > 1 else rest
                continue
            case Characters():
                if part.has(character):
                    yield rest
                continue
        for opened in _opened(rules, part, rest):
            if opened not in seen:
                seen.add(opened)
                waiting.append(opened)


def _opened(rules: dict[str, Part], part: Part, rest: State) -> Iterator[State]:
    """A part that is not itself a character, taken one step apart."""
    match part:
        case Text():
            yield rest
        case Name(name):
            yield (rules[name], rest)
        case Sequence(parts):
            for inner in reversed(parts):
                rest = (inner, rest)
            yield rest
        case Either(options):
            for option in options:
                yield (option, rest)
        case Repeat(inner, least, most):
            if least == 0:
                yield rest
            if most != 0:
                left = Repeat(inner, max(0, least - 1), None if most is None else most - 1)
                yield (inner, (left, rest))


def _expression(state: State) -> str:
    parts = []
    while state:
        part, state = state
        parts.append(_written(part))
    return sequence(*parts)


def _written(part: Part) -> str:
    match part:
        case Text(text):
            return literal(text)
        case Characters(source):
            return source
        case Name(name):
            return name
        case Sequence(parts):
            return sequence(*[_written(inner) for inner in parts])
        case Either(options):
            return either([_written(option) for option in options])
        case Repeat(inner, least, most):
            return repeated(_written(inner), least, most) if most != 0 else EMPTY
