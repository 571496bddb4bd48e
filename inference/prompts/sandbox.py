"""Where chat templates run: Jinja's immutable sandbox with the extras templates expect, under a
meter (`metering.py`). Renders as transformers 5.24 does."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from jinja2 import Template, meta, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

from inference.prompts.metering import Meter, OverLimit, check_call, check_operation

LONGEST_INDENT = 32
_meter: ContextVar[Meter] = ContextVar("meter")


class Refusal(Exception):
    """A template called raise_exception."""


@functools.lru_cache(maxsize=64)
def compile_template(text: str) -> Template:
    """The compiled template. Raises jinja2.TemplateError when it is none."""
    return _environment().from_string(text)


@functools.lru_cache(maxsize=64)
def names_in(text: str) -> frozenset[str]:
    """The names a template wants from outside ("tools", "enable_thinking"). Raises
    jinja2.TemplateError."""
    return frozenset(meta.find_undeclared_variables(_environment().parse(text)))


def run_template(text: str, values: Mapping[str, Any], meter: Meter) -> str:
    """The rendered text. Raises Refusal, OverLimit, RecursionError and jinja2.TemplateError, and
    whatever Python error an operation of the template ends in."""
    template = compile_template(text)
    token = _meter.set(meter)
    try:
        pieces, length = [], 0
        for piece in template.generate(**values):
            length += len(piece)
            meter.hold(length)
            pieces.append(piece)
        return "".join(pieces)
    finally:
        _meter.reset(token)


class _GenerationTag(Extension):
    """{% generation %} marks the assistant's words for training; what is inside is rendered."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class _Names(Namespace):
    """Jinja's namespace, without the underscored names through which Python's insides are had."""

    def __init__(*args: Any, **values: Any) -> None:  # `self` is a name that templates may use
        given = dict(*args[1:], **values)
        for name in given:
            _check_name(name)
        Namespace.__init__(args[0], given)

    def __setitem__(self, name: str, value: Any) -> None:
        _check_name(name)
        super().__setitem__(name, value)


class _Environment(ImmutableSandboxedEnvironment):
    """Every loop, call, operator, filter and new list of a template asks the meter in force."""

    intercepted_binops = frozenset(["+", "*", "**", "%"])

    def __init__(self) -> None:
        super().__init__(
            trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, _GenerationTag]
        )
        self.filters["tojson"] = _to_json
        self.filters = {name: _metered_filter(name, it) for name, it in self.filters.items()}
        self.filters |= {"metered": _turns, "metered_join": _joined, "weighed": _weighed}
        self.globals |= {
            "raise_exception": _refuse,
            "strftime_now": _now,
            "namespace": _Names,
            "dict": _new_dict,
            "range": _numbers,
        }
        del self.globals["lipsum"]

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        _put_meters(tree)
        tree.set_environment(self)
        return tree

    def call(__self, __context: Context, __obj: Any, *args: Any, **values: Any) -> Any:  # noqa: N805
        meter = _meter.get()
        meter.step()
        owner = getattr(__obj, "__self__", None)
        if isinstance(owner, str):
            check_call(meter, __obj.__name__, owner, (*args, *values.values()))
        return meter.weigh(super().call(__context, __obj, *args, **values))

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        wrapped = super().wrap_str_format(value)
        if wrapped is not None:
            check_call(_meter.get(), "format", value.__self__, ())
        return wrapped

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        check_operation(_meter.get(), operator, left, right)
        return super().call_binop(context, operator, left, right)


@functools.cache
def _environment() -> _Environment:
    return _Environment()


def _put_meters(node: nodes.Node) -> None:
    """Into the tree of a template, children first: every loop counts its turns, and every `~`,
    captured block and list that is not constant is measured."""
    for field in node.fields:
        value = getattr(node, field)
        if isinstance(value, list):
            value[:] = [_with_meter(item) for item in value]
        else:
            setattr(node, field, _with_meter(value))
    if isinstance(node, nodes.For):
        node.iter = _filtered(node.iter, "metered")
    elif isinstance(node, nodes.AssignBlock):
        node.filter = _filtered(node.filter, "weighed")


def _with_meter(node: Any) -> Any:
    if not isinstance(node, nodes.Node):
        return node
    _put_meters(node)
    if isinstance(node, nodes.Concat):
        return _filtered(nodes.List(node.nodes, lineno=node.lineno), "metered_join")
    is_new = isinstance(node, nodes.List | nodes.Dict) or (
        isinstance(node, nodes.Tuple) and node.ctx == "load"
    )
    if is_new and any(not isinstance(n, nodes.Const) for n in node.find_all(nodes.Expr)):
        return _filtered(node, "weighed")
    return node


def _filtered(node: nodes.Node | None, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno if node else 1)


def _metered_filter(name: str, filter_: Callable[..., Any]) -> Callable[..., Any]:
    passed = 1 if hasattr(filter_, "jinja_pass_arg") else 0

    @functools.wraps(filter_)
    def metered(*args: Any, **values: Any) -> Any:
        meter = _meter.get()
        check_call(meter, name, args[passed], (*args[passed + 1 :], *values.values()))
        return meter.weigh(filter_(*args, **values))

    return metered


def _turns(items: Iterable[Any]) -> Iterator[Any]:
    step = _meter.get().step
    for item in items:
        step()
        yield item


def _joined(parts: Iterable[Any]) -> str:
    return _weighed_text([str(part) for part in parts])


def _weighed_text(texts: list[str]) -> str:
    _meter.get().hold(sum(map(len, texts)))
    return "".join(texts)


def _weighed(value: Any) -> Any:
    return _meter.get().weigh(value)


def _numbers(*args: int) -> range:
    numbers = range(*args)
    _meter.get().step(1 + len(numbers))
    return numbers


def _new_dict(*args: Any, **values: Any) -> dict[Any, Any]:
    return dict(*args, **values)


def _check_name(name: Any) -> None:
    if not isinstance(name, str) or name.startswith("_"):
        raise OverLimit(f"it may not keep something under the name {name!r}")


def _refuse(message: Any) -> None:
    raise Refusal(str(message))


def _now(form: str) -> str:
    return datetime.now().astimezone().strftime(form)


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """As in transformers: spaces after commas and colons, and nothing escaped for HTML."""
    if isinstance(indent, int) and indent > LONGEST_INDENT:
        raise OverLimit("it indents too far")
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )
