"""Ollama's Go templates as Jinja, so that one renderer serves both.

Covers what Modelfiles use: fields, variables, if, range, with, and the functions in `_FUNCTIONS`.
The result has no text outside of expressions, so that nothing in it depends on how a renderer
treats white space. A template that loops over .Messages gets the whole conversation; an older one
is one exchange (.System, .Prompt, .Response), written once for each and cut at the last .Response,
where the model goes on. What is not covered is refused by name.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping

from inference.errors import InvalidRequest
from inference.prompts.go_syntax import (
    Block,
    Call,
    Expression,
    Field,
    Jump,
    Literal,
    Node,
    Print,
    Set,
    Text,
    Unsupported,
    parse,
)

_LEGACY = ("System", "Prompt", "Response")
_ROOT = {
    "Messages": "messages",
    "Tools": "tools",
    "Suffix": "suffix",
    "Think": "(enable_thinking is defined and enable_thinking)",
    "IsThinkSet": "(enable_thinking is defined)",
    "ThinkLevel": "(reasoning_effort|default(''))",
}
_ROOT_OF_CONVERSATION = {
    "System": "go.system",
    "Prompt": "(messages[-1].content if suffix is defined else '')",
    "Response": "''",
}
_MEMBERS = {
    "Role": "role",
    "Content": "content",
    "Thinking": "thinking",
    "ToolCalls": "tool_calls",
    "ToolName": "tool_name",
    "ToolCallID": "tool_call_id",
    "ID": "id",
    "Type": "type",
    "Function": "function",
    "Name": "name",
    "Description": "description",
    "Arguments": "arguments",
    "Parameters": "parameters",
    "Properties": "properties",
    "Required": "required",
}
_STRUCTURED = frozenset(
    {"Tools", "ToolCalls", "Function", "Arguments", "Parameters", "Properties", "Required"}
)
"""Fields that Go prints as JSON."""
_COMPARISONS = {"ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_SYSTEM = (
    "{% set go.system = messages|selectattr('role', 'equalto', 'system')"
    "|map(attribute='content')|join('\\n\\n') %}"
)
_EXCHANGES = (
    "{% for message in messages %}"
    "{% if message.role == 'system' %}"
    "{% if go.prompt or go.response %}"
    "{{ exchange(go.system, go.prompt, go.response) }}"
    "{% set go.prompt = '' %}{% set go.response = '' %}{% endif %}"
    "{% set go.system = message.content %}"
    "{% elif message.role == 'assistant' %}{% set go.response = message.content %}"
    "{% else %}"
    "{% if go.response %}{{ exchange(go.system, go.prompt, go.response) }}"
    "{% set go.system = '' %}{% set go.response = '' %}{% endif %}"
    "{% set go.prompt = message.content %}"
    "{% endif %}{% endfor %}"
    "{{ last_exchange(go.system, go.prompt, go.response) }}"
)


def is_jinja(template: str) -> bool:
    """Whether that is a Jinja template, as models bring them, and no Go template."""
    if "{{" not in template:
        return True  # the same text in both
    return "{%" in template or re.search(r"\{\{-?\s*messages\b", template) is not None


@functools.lru_cache(maxsize=64)
def as_jinja(template: str) -> str:
    """The template as Jinja, whichever of the two it is. Raises InvalidRequest naming what of a Go
    template cannot be said."""
    if is_jinja(template):
        return template
    try:
        return _translated(template)
    except Unsupported as reason:
        raise InvalidRequest(f"template: {reason}", field="template") from None
    except RecursionError:
        raise InvalidRequest("template: it is nested too deeply", field="template") from None


def _translated(template: str) -> str:
    nodes = parse(template)
    fields = _fields_in(nodes)
    if "Messages" in fields:
        body = _Writer({**_ROOT, **_ROOT_OF_CONVERSATION}).written(nodes)
        return "{% set go = namespace() %}" + _SYSTEM + body
    if "Response" not in fields:
        nodes = [*nodes, Print(Field((), ("Response",)))]
    root = {**_ROOT, **{name: f"go_{name.lower()}" for name in _LEGACY}}
    whole = _Writer(root).written(nodes)
    begun = _Writer(root, ends_at="Response").written(nodes)
    parameters = ", ".join(root[name] for name in _LEGACY)
    return (
        "{% set go = namespace(system='', prompt='', response='') %}"
        f"{{% macro exchange({parameters}) %}}{whole}{{% endmacro %}}"
        f"{{% macro last_exchange({parameters}) %}}{begun}{{% endmacro %}}" + _EXCHANGES
    )


class _Writer:
    """Writes nodes as Jinja. `root` has the root's fields; with `ends_at` it stops behind the first
    place where that field is printed."""

    def __init__(self, root: Mapping[str, str], *, ends_at: str = "") -> None:
        self._root = root
        self._ends_at = ends_at
        self._is_over = False
        self._names = 0

    def written(self, nodes: Iterable[Node], dot: str = "") -> str:
        """The nodes with `dot` for the dot; "" is the root."""
        return "".join(self._node(node, dot) for node in nodes if not self._is_over)

    def _node(self, node: Node, dot: str) -> str:
        match node:
            case Text():
                return f"{{{{ {_quoted(node.text)} }}}}"
            case Print():
                self._is_over = bool(self._ends_at) and self._ends_at in _fields_of(node.value)
                return f"{{{{ {self._printed(node.value, dot)} }}}}"
            case Set():
                return self._set(node.name, self._value(node.value, dot))
            case Jump():
                return f"{{% {node.word} %}}"
            case Block():
                return self._block(node, dot)

    def _block(self, block: Block, dot: str) -> str:
        value = self._value(block.value, dot)
        if block.word == "if":
            named = self._set(block.names[0], value) if block.names else ""
            body = self.written(block.body, dot)
            return f"{named}{{% if {value} %}}{body}{self._otherwise(block, dot)}{{% endif %}}"
        self._names += 1
        own = f"go_{self._names}"
        if block.word == "with":
            named = self._set(block.names[0], own) if block.names else ""
            body = self.written(block.body, own)
            return (
                f"{{% with {own} = {value} %}}{{% if {own} %}}{named}{body}"
                f"{self._otherwise(block, dot)}{{% endif %}}{{% endwith %}}"
            )
        return self._loop(block, dot, value, own)

    def _loop(self, block: Block, dot: str, value: str, own: str) -> str:
        turn = own
        first = "loop.index0"
        if set(_fields_of(block.value)) & {"Arguments", "Properties"}:
            turn, first, value = f"{own}_key, {own}", f"{own}_key", f"({value} or {{}}).items()"
        elif set(_fields_of(block.value)) & {"Messages", "Tools", "ToolCalls"}:
            value = f"({value} or [])"
        key, item = ("", *block.names)[-2:] if block.names else ("", "")
        named = (self._set(key, first) if key else "") + (self._set(item, own) if item else "")
        body = self.written(block.body, own)
        return (
            f"{{% for {turn} in {value} %}}{named}{body}{self._otherwise(block, dot)}{{% endfor %}}"
        )

    def _otherwise(self, block: Block, dot: str) -> str:
        written = self.written(block.otherwise, dot)
        return f"{{% else %}}{written}" if written else ""

    def _set(self, name: str, value: str) -> str:
        return f"{{% set {_variable(name)} = {value} %}}"

    def _printed(self, value: Expression, dot: str) -> str:
        """As Go prints it: nil as nothing, what has parts as JSON."""
        text = self._value(value, dot)
        if isinstance(value, Field):
            if value.names and value.names[-1] in _STRUCTURED:
                return f"({text}|tojson if {text} else '')"
            if not value.names and (dot or value.of) and value.of != ("$",):
                return f"({text}|tojson if {text} is mapping else {text})"
        return (
            f"({text} or '')" if isinstance(value, Call) and value.name in ("and", "or") else text
        )

    def _value(self, value: Expression, dot: str) -> str:
        match value:
            case Literal():
                return _quoted(value.value) if isinstance(value.value, str) else _plain(value.value)
            case Field():
                return self._field(value, dot)
            case Call():
                arguments = [self._value(argument, dot) for argument in value.arguments]
                return _called(value.name, arguments)

    def _field(self, field: Field, dot: str) -> str:
        names = field.names
        if field.of == ("$",) or (not field.of and not dot):
            if not names:
                raise Unsupported("the whole of the request cannot be a value")
            if names[0] not in self._root:
                raise Unsupported(f".{names[0]} is not known")
            base, names = self._root[names[0]], names[1:]
        else:
            base = _variable(field.of[0]) if field.of else dot
        for name in names:
            if name not in _MEMBERS:
                raise Unsupported(f".{name} is not known")
            base += f".{_MEMBERS[name]}"
        return base


def _called(name: str, arguments: list[str]) -> str:
    least, most, write = _FUNCTIONS.get(name, (1, 0, None))
    if write is None:
        raise Unsupported(f"the function {name} is not supported")
    if not least <= len(arguments) <= most:
        raise Unsupported(f"the function {name} cannot take {len(arguments)} arguments")
    return write(arguments)


def _compared(sign: str) -> Callable[[list[str]], str]:
    return lambda given: f"({given[0]} {sign} {given[1]})"


_ANY = 20
_FUNCTIONS: dict[str, tuple[int, int, Callable[[list[str]], str]]] = {
    "and": (1, _ANY, lambda given: f"({' and '.join(given)})"),
    "or": (1, _ANY, lambda given: f"({' or '.join(given)})"),
    "not": (1, 1, lambda given: f"(not {given[0]})"),
    "eq": (
        2,
        _ANY,
        lambda given: "(" + " or ".join(f"{given[0]} == {other}" for other in given[1:]) + ")",
    ),
    **{name: (2, 2, _compared(sign)) for name, sign in _COMPARISONS.items()},
    "len": (1, 1, lambda given: f"({given[0]}|length)"),
    "slice": (1, 3, lambda given: f"{given[0]}[{':'.join((*given[1:], '')[:2])}]"),
    "index": (2, _ANY, lambda given: given[0] + "".join(f"[{key}]" for key in given[1:])),
    "json": (1, 1, lambda given: f"({given[0]}|tojson)"),
    "currentDate": (0, 0, lambda given: "strftime_now('%Y-%m-%d')"),
}
"""How many arguments each takes, and how it is written."""


def _variable(name: str) -> str:
    """A variable lives in a namespace: Go's keep what is set inside of blocks."""
    return f"go.v{name[1:]}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return "'" + escaped.replace("\n", "\\n").replace("\r", "\\r") + "'"


def _plain(value: float | bool | None) -> str:
    return "none" if value is None else str(value).lower()


def _fields_in(nodes: Iterable[Node]) -> frozenset[str]:
    """The fields that a template names anywhere."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, Print | Set | Block):
            found |= _fields_of(node.value)
        if isinstance(node, Block):
            found |= _fields_in(node.body) | _fields_in(node.otherwise)
    return frozenset(found)


def _fields_of(value: Expression) -> frozenset[str]:
    if isinstance(value, Field):
        return frozenset(value.names)
    if isinstance(value, Call):
        return frozenset().union(*map(_fields_of, value.arguments))
    return frozenset()
