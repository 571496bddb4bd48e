"""`python -m benchmarks.constrained`: forced calls and schemas, all of them valid?

A thousand requests that force a tool call and a thousand that hold the answer to a schema, over
schemas that all differ, through every family that can ask for it, greedy and sampled. Exit code 1
when a single answer does not satisfy its schema.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from jsonschema import Draft202012Validator

from benchmarks import client
from benchmarks.appliance import Appliance
from benchmarks.varied_schemas import make_object

MODEL = "smollm2:135m"
AT_ONCE = 16
MOST_TOKENS = 1500
SHOWN = 5

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Way:
    """How one family is asked, and where its answer has what was asked for."""

    path: str
    body: Callable[[str, Body, str, float], Body]
    """Of a tool's name, its schema, the question and the temperature."""
    read: Callable[[Mapping[str, Any]], Any]


def _chat(question: str, heat: float) -> Body:
    return {
        "model": MODEL,
        "messages": [{"role": "user", "content": question}],
        "max_tokens": MOST_TOKENS,
        "temperature": heat,
    }


def _function(name: str, schema: Body) -> Body:
    return {"name": name, "description": "Notes what was asked for.", "parameters": schema}


CALLS = {
    "openai": Way(
        "/v1/chat/completions",
        lambda name, schema, question, heat: {
            **_chat(question, heat),
            "tools": [
                {"type": "function", "function": _function(name, schema)},
                {"type": "function", "function": _function("other", {"type": "object"})},
            ],
            "tool_choice": {"type": "function", "function": {"name": name}},
        },
        lambda answer: json.loads(
            answer["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]
        ),
    ),
    "anthropic": Way(
        "/v1/messages",
        lambda name, schema, question, heat: {
            **_chat(question, heat),
            "tools": [{"name": name, "input_schema": schema}],
            "tool_choice": {"type": "any"},
        },
        lambda answer: next(
            block["input"] for block in answer["content"] if block["type"] == "tool_use"
        ),
    ),
    "responses": Way(
        "/v1/responses",
        lambda name, schema, question, heat: {
            "model": MODEL,
            "input": question,
            "max_output_tokens": MOST_TOKENS,
            "temperature": heat,
            "tools": [{"type": "function", **_function(name, schema)}],
            "tool_choice": "required",
        },
        lambda answer: next(
            json.loads(item["arguments"])
            for item in answer["output"]
            if item["type"] == "function_call"
        ),
    ),
}

SCHEMAS = {
    "openai": Way(
        "/v1/chat/completions",
        lambda name, schema, question, heat: {
            **_chat(question, heat),
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": name, "schema": schema},
            },
        },
        lambda answer: json.loads(answer["choices"][0]["message"]["content"]),
    ),
    "ollama": Way(
        "/api/chat",
        lambda name, schema, question, heat: {
            "model": MODEL,
            "messages": [{"role": "user", "content": question}],
            "stream": False,
            "format": schema,
            "options": {"temperature": heat, "num_predict": MOST_TOKENS},
        },
        lambda answer: json.loads(answer["message"]["content"]),
    ),
    "responses": Way(
        "/v1/responses",
        lambda name, schema, question, heat: {
            "model": MODEL,
            "input": question,
            "max_output_tokens": MOST_TOKENS,
            "temperature": heat,
            "text": {"format": {"type": "json_schema", "name": name, "schema": schema}},
        },
        lambda answer: json.loads(answer["output"][-1]["content"][0]["text"]),
    ),
}


@dataclass(frozen=True, slots=True)
class Miss:
    """An answer that does not hold."""

    kind: str
    family: str
    seed: int
    words: str


async def _ask(
    http: httpx.AsyncClient, kind: str, ways: Mapping[str, Way], seed: int
) -> Miss | None:
    family = list(ways)[seed % len(ways)]
    way, schema = ways[family], make_object(seed)
    heat = (0.0, 0.8)[seed // len(ways) % 2]
    question = f"Please fill in the form number {seed} for a visitor of the old mill."
    response = await http.post(way.path, json=way.body(f"tool_{seed}", schema, question, heat))
    try:
        response.raise_for_status()
        error = next(Draft202012Validator(schema).iter_errors(way.read(response.json())), None)
    except (httpx.HTTPError, LookupError, StopIteration, TypeError, ValueError) as problem:
        return Miss(kind, family, seed, f"{problem!r}: {response.text[:300]}")
    return Miss(kind, family, seed, error.message[:300]) if error else None


async def _run(arguments: argparse.Namespace, folder: Path) -> list[Miss]:
    appliance = Appliance(arguments.home or folder / "home", MODEL, "CPU", folder / "log")
    if arguments.home is None:
        await appliance.install()
    await appliance.start()
    places = asyncio.Semaphore(AT_ONCE)
    address = appliance.address
    misses: list[Miss] = []
    try:
        await client.wait_until_ok(address, "/health", 60)
        base = f"http://{address.host}:{address.port}"
        async with httpx.AsyncClient(base_url=base, timeout=600) as http:
            done: Counter[str] = Counter()

            async def one(kind: str, ways: Mapping[str, Way], seed: int) -> None:
                async with places:
                    miss = await _ask(http, kind, ways, seed)
                done[kind] += 1
                if miss is not None:
                    misses.append(miss)
                if done.total() % 200 == 0:
                    print(f"{done.total()} asked, {len(misses)} missed", flush=True)

            async with asyncio.TaskGroup() as group:
                for seed in range(arguments.first, arguments.first + arguments.requests):
                    group.create_task(one("call", CALLS, seed))
                    group.create_task(one("schema", SCHEMAS, seed))
    finally:
        await appliance.stop()
    return misses


def main() -> None:
    """Print the counts, and what did not hold."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.constrained", description=__doc__)
    parser.add_argument("--requests", type=int, default=1000, help="of each kind (1000)")
    parser.add_argument("--first", type=int, default=0, help="seed of the first schema (0)")
    parser.add_argument("--home", type=Path, help="a data folder with the starter, not in use")
    arguments = parser.parse_args()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="npuconsole-constrained-") as folder:
        misses = asyncio.run(_run(arguments, Path(folder)))
    for kind in ("call", "schema"):
        missed = sum(miss.kind == kind for miss in misses)
        print(f"{kind}: {arguments.requests - missed} of {arguments.requests} valid")
    for miss in misses[:SHOWN]:
        print(f"{miss.kind} {miss.family} seed {miss.seed}: {miss.words}")
    print(f"{time.perf_counter() - began:.0f} s")
    sys.exit(1 if misses else 0)


if __name__ == "__main__":
    main()
