"""The part of Go's text/template that Modelfiles use, from text to nodes. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

DEEPEST = 60
"""Blocks and brackets inside each other."""


class Unsupported(Exception):
    """Something that cannot be translated; the message names it."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, a number, true, false or nil."""

    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Field:
    """.A.B of what stands in `of`: () the dot, ("$",) the root, ("$x",) a variable."""

    of: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A function and its arguments."""

    name: str
    arguments: tuple[Expression, ...]


Expression = Literal | Field | Call


@dataclass(frozen=True, slots=True)
class Text:
    """What is printed as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Print:
    """{{ value }}."""

    value: Expression


@dataclass(frozen=True, slots=True)
class Set:
    """{{ $name := value }} and {{ $name = value }}."""

    name: str
    value: Expression


@dataclass(frozen=True, slots=True)
class Jump:
    """{{ break }} or {{ continue }}."""

    word: str


@dataclass(frozen=True, slots=True)
class Block:
    """{{ if }}, {{ range }} or {{ with }}: `names` are the variables that take its value."""

    word: str
    value: Expression
    body: tuple[Node, ...]
    otherwise: tuple[Node, ...] = ()
    names: tuple[str, ...] = ()


Node = Text | Print | Set | Jump | Block

_SPACE = " \t\r\n"
_OPEN = re.compile(r"\{\{(-(?=\s))?")
_COMMENT = re.compile(r"\s*/\*.*?\*/\s*?((?<=\s)-)?\}\}", re.DOTALL)
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`)
    | (?P<number>-?\d+(?:\.\d+)?)
    | (?P<variable>\$\w*)
    | (?P<field>\.\w+)
    | (?P<dot>\.(?!\w))
    | (?P<word>[A-Za-z_]\w*)
    | (?P<sign>:=|=|\||\(|\)|,)
    | (?P<end>-?\}\})
    )""",
    re.VERBOSE | re.ASCII,
)
_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "nil": None}
_BLOCKS = ("if", "range", "with")
_REFUSED = ("define", "template", "block")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    follows_space: bool


@dataclass(frozen=True, slots=True)
class _Action:
    """What stands between two braces."""

    tokens: tuple[_Token, ...]

    @property
    def word(self) -> str:
        """Its first word, "" if it begins with something else."""
        first = self.tokens[0] if self.tokens else None
        return first.text if first and first.kind == "word" else ""

    @property
    def shown(self) -> str:
        """It as text, for an error."""
        text = "".join((" " if t.follows_space else "") + t.text for t in self.tokens).strip()
        return "{{ " + text[:80] + " }}"


def parse(template: str) -> list[Node]:
    """The template's nodes. Raises Unsupported."""
    parser = _Parser(list(_pieces(template)))
    nodes, end = parser.nodes(0)
    if end is not None:
        raise Unsupported(f"{end.shown} has no beginning")
    return list(nodes)


def _pieces(template: str) -> Iterator[Text | _Action]:
    """Texts and actions, white space trimmed where the braces say so."""
    at, trims = 0, False
    while at < len(template):
        found = _OPEN.search(template, at)
        text = template[at : found.start() if found else len(template)]
        if trims:
            text = text.lstrip(_SPACE)
        if found and found[1]:
            text = text.rstrip(_SPACE)
        if text:
            yield Text(text)
        if not found:
            return
        at = found.end()
        if comment := _COMMENT.match(template, at):
            at, trims = comment.end(), bool(comment[1])
            continue
        action, at, trims = _action(template, at)
        if action.tokens:
            yield action


def _action(template: str, at: int) -> tuple[_Action, int, bool]:
    """The action from there on, where it ends, and whether it trims what follows."""
    tokens: list[_Token] = []
    start = at
    while True:
        found = _TOKEN.match(template, at)
        if found is None or found.lastgroup is None:
            raise Unsupported(f"{{{{{template[start : at + 20][:80]} cannot be read")
        text = found[found.lastgroup]
        spaced = found.start(found.lastgroup) > at
        at = found.end()
        if found.lastgroup == "end":
            return _Action(tuple(tokens)), at, text.startswith("-") and spaced
        tokens.append(_Token(found.lastgroup, text, spaced))


class _Parser:
    """Recursive descent over the pieces, and within an action over its tokens."""

    def __init__(self, pieces: list[Text | _Action]) -> None:
        self._pieces = pieces
        self._at = 0

    def nodes(self, depth: int) -> tuple[tuple[Node, ...], _Action | None]:
        """Nodes up to the {{ end }} or {{ else }} that is not theirs, and that one."""
        if depth > DEEPEST:
            raise Unsupported("it is nested too deeply")
        found: list[Node] = []
        while self._at < len(self._pieces):
            piece = self._pieces[self._at]
            self._at += 1
            if isinstance(piece, Text):
                found.append(piece)
            elif piece.word in ("end", "else"):
                return tuple(found), piece
            else:
                found.append(self._node(piece, depth))
        return tuple(found), None

    def _node(self, action: _Action, depth: int) -> Node:
        word = action.word
        if word in _REFUSED:
            raise Unsupported(f"{action.shown} is not supported")
        if word in _BLOCKS:
            return self._block(_Action(action.tokens[1:]), word, action, depth)
        if word in ("break", "continue"):
            return Jump(word)
        names, value = _declared(action)
        if len(names) > 1:
            raise Unsupported(f"{action.shown} is not supported")
        return Set(names[0], value) if names else Print(value)

    def _block(self, head: _Action, word: str, whole: _Action, depth: int) -> Block:
        names, value = _declared(head)
        if len(names) > (2 if word == "range" else 1):
            raise Unsupported(f"{whole.shown} is not supported")
        body, end = self.nodes(depth + 1)
        otherwise: tuple[Node, ...] = ()
        if end is not None and end.word == "else":
            rest = _Action(end.tokens[1:])
            if rest.word in ("if", "with"):
                chained = _Action(rest.tokens[1:])
                otherwise = (self._block(chained, rest.word, end, depth + 1),)
                return Block(word, value, body, otherwise, names)
            if rest.tokens:
                raise Unsupported(f"{end.shown} is not supported")
            otherwise, end = self.nodes(depth + 1)
        if end is None or end.word != "end":
            raise Unsupported(f"{whole.shown} has no end")
        return Block(word, value, body, otherwise, names)


def _declared(action: _Action) -> tuple[tuple[str, ...], Expression]:
    """The variables that an action sets, and the value."""
    tokens = action.tokens
    signs = [n for n, token in enumerate(tokens) if token.text in (":=", "=")]
    names: tuple[str, ...] = ()
    if signs:
        before = tokens[: signs[0]]
        names = tuple(token.text for token in before if token.kind == "variable")
        if len(before) != 2 * len(names) - 1 or any(t.text != "," for t in before[1::2]):
            raise Unsupported(f"{action.shown} is not supported")
        tokens = tokens[signs[0] + 1 :]
    reader = _Reader(tokens, action.shown)
    return names, reader.whole()


class _Reader:
    """The value of an action."""

    def __init__(self, tokens: tuple[_Token, ...], shown: str) -> None:
        self._tokens = tokens
        self._at = 0
        self._shown = shown

    def whole(self) -> Expression:
        """All of it as one value. Raises Unsupported."""
        value = self._pipeline(0)
        if self._at < len(self._tokens):
            raise self._refusal()
        return value

    def _pipeline(self, depth: int) -> Expression:
        if depth > DEEPEST:
            raise Unsupported("it is nested too deeply")
        value = self._command(depth, ())
        while self._next_is("|"):
            self._at += 1
            value = self._command(depth, (value,))
        return value

    def _command(self, depth: int, piped: tuple[Expression, ...]) -> Expression:
        """A function with its arguments, the piped one last; or one value."""
        token = self._peek()
        if token is not None and token.kind == "word" and token.text not in _CONSTANTS:
            self._at += 1
            arguments: list[Expression] = []
            while (after := self._peek()) is not None and after.text not in ("|", ")"):
                arguments.append(self._operand(depth))
            return Call(token.text, (*arguments, *piped))
        if piped:
            raise self._refusal()
        return self._operand(depth)

    def _operand(self, depth: int) -> Expression:
        token = self._peek()
        if token is None:
            raise self._refusal()
        self._at += 1
        match token.kind:
            case "string":
                return Literal(_unquoted(token.text))
            case "number":
                return Literal(float(token.text) if "." in token.text else int(token.text))
            case "word" if token.text in _CONSTANTS:
                return Literal(_CONSTANTS[token.text])
            case "word":
                return Call(token.text, ())
            case "dot":
                return Field((), ())
            case "field":
                return Field((), (token.text[1:], *self._members()))
            case "variable":
                return Field((token.text,), self._members())
        if token.text != "(":
            raise self._refusal()
        value = self._pipeline(depth + 1)
        if not self._next_is(")"):
            raise self._refusal()
        self._at += 1
        if self._members():
            raise self._refusal()
        return value

    def _members(self) -> tuple[str, ...]:
        """The .Names that follow without a space."""
        names = []
        while (token := self._peek()) and token.kind == "field" and not token.follows_space:
            names.append(token.text[1:])
            self._at += 1
        return tuple(names)

    def _peek(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _next_is(self, sign: str) -> bool:
        token = self._peek()
        return token is not None and token.kind == "sign" and token.text == sign

    def _refusal(self) -> Unsupported:
        return Unsupported(f"{self._shown} is not supported")


def _unquoted(text: str) -> str:
    if text.startswith("`"):
        return text[1:-1]
    try:
        return str(json.loads(re.sub(r"\\([av'])|\\x([0-9a-fA-F]{2})", _as_json, text)))
    except ValueError:
        raise Unsupported(f"the text {text[:40]} cannot be read") from None


def _as_json(escape: re.Match[str]) -> str:
    """Go's escapes that JSON has not."""
    if escape[2]:
        return f"\\u00{escape[2]}"
    return {"a": "\\u0007", "v": "\\u000b", "'": "'"}[escape[1]]
