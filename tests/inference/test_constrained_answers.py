"""The starter never learned to call tools; the engine holds it to calls and to schemas."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import openvino_genai as genai
import pytest
import pytest_asyncio
from jsonschema import Draft202012Validator

from inference.prompts.constraints import after_thinking, call_grammar, calls_or
from inference.prompts.planned import PlannedPrompt, plan_prompt
from inference.prompts.schemas.compiling import grammar_of
from inference.prompts.schemas.formats import PATTERNS
from inference.prompts.thinking import Tags
from inference.prompts.tool_formats.registry import FORMATS
from inference.requests import Grammar, Message, ToolCall, ToolChoice
from inference.residency.process import EngineProcess, Patience
from inference.worker.grammar import GrammarChecker
from inference.worker.protocol import EngineRequest, Job
from tests.prompts.conversations import TOOLS
from tests.prompts.schemas import OBJECTS

pytestmark = pytest.mark.asyncio(loop_scope="module")

RUN_ON = (
    "anything",
    "a tree",
    "others beside declared ones",
    "a pattern anywhere",
    "text of a least length",
)
"""Schemas that set no end to an answer; a small model goes on until it is cut."""
BOUNDED = {name: schema for name, schema in OBJECTS.items() if name not in RUN_ON}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(starter_folder: Path) -> AsyncIterator[EngineProcess]:
    process = EngineProcess(
        Job(0, "", "batched", str(starter_folder), "CPU", {}), on_end=lambda: None
    )
    await process.start(Patience(load=120))
    yield process
    await process.stop()


@pytest.fixture(scope="module")
def template(starter_folder: Path) -> str:
    return (starter_folder / "chat_template.jinja").read_text(encoding="utf-8")


async def answer(engine: EngineProcess, tokenizer, planned: PlannedPrompt, **options) -> str:
    assert planned.grammar is not None
    ids = list(tokenizer.encode(planned.text, add_special_tokens=False).ids)
    grammar = (planned.grammar.kind, planned.grammar.text)
    request = EngineRequest(
        0, ids, **{"max_new_tokens": 300, "temperature": 0, "grammar": grammar, **options}
    )
    _, stream = engine.submit(request)
    chunks = []
    while not chunks or not chunks[-1].finish:
        chunks += await stream.next_batch()
    assert chunks[-1].finish == "stop", (chunks[-1], "".join(chunk.text for chunk in chunks))
    return "".join(chunk.text for chunk in chunks)


async def test_every_forced_call_is_valid(engine, tokenizer, template):
    async def call(place: int, name: str) -> None:
        tool = {
            "type": "function",
            "function": {"name": f"tool_{place}", "parameters": BOUNDED[name]},
        }
        choice = ToolChoice("required", (f"tool_{place}",) if place % 2 else ())
        messages = [Message("user", f"Please do {name} for London, number {place}.")]
        planned = await plan_prompt(messages, template, tools=[tool], choice=choice)
        parser = planned.new_parser()
        events = parser.feed(await answer(engine, tokenizer, planned)) + parser.finish()
        assert [type(event) for event in events] == [ToolCall], (name, events)
        assert events[0].problem == "", (name, events)

    await asyncio.gather(*[call(place, name) for place, name in enumerate(BOUNDED)])


async def test_every_answer_to_a_schema_is_valid_at_any_temperature(engine, tokenizer, template):
    async def ask(seed: int, name: str) -> None:
        messages = [Message("user", f"Give me {name} as JSON.")]
        planned = await plan_prompt(
            messages, template, grammar=grammar_of(BOUNDED[name], "format").grammar
        )
        text = await answer(engine, tokenizer, planned, temperature=1.5, seed=seed)
        validator = Draft202012Validator(
            BOUNDED[name], format_checker=Draft202012Validator.FORMAT_CHECKER
        )
        validator.validate(json.loads(text))

    await asyncio.gather(*[ask(seed, name) for seed, name in enumerate(BOUNDED)])


@pytest.mark.parametrize(
    "number",
    [
        {"type": "integer", "minimum": 72, "maximum": 577_243},
        {"type": "integer", "minimum": 30, "multipleOf": 10},
        {"type": "number", "minimum": 0.5, "exclusiveMaximum": 720},
    ],
)
async def test_a_number_keeps_to_its_bounds_when_the_model_would_go_on(
    engine, tokenizer, template, number
):
    schema = {"type": "object", "properties": {"n": number}, "required": ["n"]}
    messages = [Message("user", 'Repeat this: {"n": 123456789012345678}')]
    planned = await plan_prompt(messages, template, grammar=grammar_of(schema, "format").grammar)

    said = json.loads(await answer(engine, tokenizer, planned))

    Draft202012Validator(schema).validate(said)
    assert said["n"] > 1  # it did begin to repeat


async def test_a_model_reasons_freely_before_its_answer_is_held(engine, tokenizer, template):
    """With a tag that the starter closes soon."""
    tags = Tags("<think>", "e")
    held = after_thinking(grammar_of({"enum": [17]}, "format").grammar, tags, is_open=True)
    planned = await plan_prompt([Message("user", "Say hello.")], template, grammar=held)
    text = await answer(engine, tokenizer, planned)
    reasoning, _, rest = text.partition("e")
    assert reasoning
    assert rest == "\n\n17"


async def test_the_engine_compiles_every_structure(starter_folder):
    """Without a model: what is made here is what XGrammar takes."""
    checker = GrammarChecker(genai.Tokenizer(str(starter_folder)))
    plain = grammar_of({"type": "object"}, "format").grammar
    tags = Tags("<think>", "</think>")
    grammars: list[Grammar] = [
        grammar_of({"type": "string", "format": form}, "format").grammar for form in PATTERNS
    ]
    for tool_format in FORMATS:
        for choice in (ToolChoice(), ToolChoice("required"), ToolChoice(is_parallel=False)):
            calls = call_grammar(tool_format, TOOLS, choice)
            if calls is not None:
                grammars += [calls, after_thinking(calls, tags, is_open=False)]
        grammars.append(calls_or(plain, tool_format, TOOLS, ToolChoice()))
    for grammar in grammars:
        assert await checker.find_problem(grammar.kind, grammar.text) == "", grammar.text
