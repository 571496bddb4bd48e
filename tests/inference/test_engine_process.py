"""One real engine process: tokens, stop strings, parameters, cancel, poisons and death.

Every test runs on both paths: continuous batching on the CPU, and the NPU's static pipeline
compiled for the CPU.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest
import pytest_asyncio
from tokenizers import Tokenizer

from inference.errors import EngineFailed
from inference.prompts.schemas.compiling import grammar_of
from inference.residency.process import EngineProcess, LoadFailed, Patience
from inference.residency.spec import EMULATED_NPU
from inference.worker.protocol import EngineRequest, Job
from tests.inference.conftest import chat_ids

pytestmark = pytest.mark.asyncio(loop_scope="module")

STATIC = {"MAX_PROMPT_LEN": 256, "MIN_RESPONSE_LEN": 128, **EMULATED_NPU}
PATHS = {"batched": ("CPU", {}), "npu": ("NPU", STATIC)}


def job_for(runtime: str, folder: Path) -> Job:
    device, properties = PATHS[runtime]
    return Job(0, "", runtime, str(folder), device, dict(properties))


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=list(PATHS))
async def engine(request, starter_folder: Path) -> AsyncIterator[EngineProcess]:
    process = EngineProcess(job_for(request.param, starter_folder), on_end=lambda: None)
    await process.start(Patience(load=120))
    yield process
    await process.stop()


@dataclass
class Answer:
    text: str
    ids: list[int]
    finish: str
    error: str
    prefill: float
    decode: float


async def run(engine: EngineProcess, request: EngineRequest) -> Answer:
    _, stream = engine.submit(request)
    chunks = []
    while not chunks or not chunks[-1].finish:
        chunks += await stream.next_batch()
    last = chunks[-1]
    return Answer(
        "".join(chunk.text for chunk in chunks),
        [token for chunk in chunks for token in chunk.token_ids],
        last.finish,
        last.error,
        last.prefill_seconds,
        last.decode_seconds,
    )


@pytest.fixture
def counting(tokenizer: Tokenizer) -> EngineRequest:
    ids = list(tokenizer.encode("1, 2, 3, 4, 5, 6,", add_special_tokens=False).ids)
    return EngineRequest(0, ids, max_new_tokens=24, temperature=0)


async def test_text_is_what_the_tokens_say(engine, counting, tokenizer):
    answer = await run(engine, counting)
    assert answer.finish == "length"
    assert len(answer.ids) == 24
    assert answer.text == tokenizer.decode(answer.ids)
    assert "7, 8, 9" in answer.text
    assert answer.prefill > 0
    assert answer.decode > 0


async def test_a_stop_string_ends_the_text_at_its_first_character(engine, counting):
    whole = (await run(engine, counting)).text
    stop = whole[5:8]
    stopped = await run(engine, replace(counting, stop=[stop]))
    assert stopped.text == whole[: whole.index(stop)]
    assert stopped.finish == "stop"
    assert len(stopped.ids) < 24


async def test_an_answer_begun_elsewhere_goes_on_without_gap_or_repeat(engine, counting):
    whole = await run(engine, counting)
    for tokens in (1, 9, 23):
        # The client may have got less text than the tokens say: two characters are still due.
        there = await run(engine, replace(counting, max_new_tokens=tokens))
        sent = max(0, len(there.text) - 2)
        rest = await run(
            engine,
            replace(
                counting,
                max_new_tokens=24 - tokens,
                produced=there.ids,
                sent_characters=sent,
            ),
        )
        assert there.text[:sent] + rest.text == whole.text
        assert there.ids + rest.ids == whole.ids
        assert rest.finish == "length"


async def test_a_stop_string_may_begin_on_one_engine_and_end_on_another(engine, counting):
    whole = await run(engine, counting)
    begun = await run(engine, replace(counting, max_new_tokens=6))
    stop = whole.text[len(begun.text) - 2 : len(begun.text) + 2]
    expected = whole.text[: whole.text.index(stop)]
    held = await run(engine, replace(counting, max_new_tokens=6, stop=[stop]))
    sent = min(len(held.text), len(expected))
    rest = await run(
        engine, replace(counting, stop=[stop], produced=held.ids, sent_characters=sent)
    )
    assert held.text[:sent] + rest.text == expected
    assert rest.finish == "stop"


async def test_the_end_of_sequence_stops_it_and_ignore_eos_does_not(engine, tokenizer):
    request = EngineRequest(0, chat_ids(tokenizer, "Say hello."), max_new_tokens=90, temperature=0)
    ended = await run(engine, request)
    assert ended.finish == "stop"
    assert "<|im_end|>" not in ended.text
    ignored = await run(engine, replace(request, ignore_eos=True))
    assert ignored.finish == "length"
    assert len(ignored.ids) == 90


async def test_a_full_static_cache_ends_the_answer_as_its_length(engine, counting):
    if "MAX_PROMPT_LEN" not in engine.job.properties:
        pytest.skip("only the NPU's cache is static")
    long = replace(counting, ids=counting.ids * 12, max_new_tokens=1000, ignore_eos=True)
    assert 200 < len(long.ids) <= 256
    answer = await run(engine, long)
    assert answer.finish == "length"
    assert len(long.ids) + len(answer.ids) == 256 + 128


async def test_the_same_seed_gives_the_same_text_and_another_one_does_not(engine, tokenizer):
    request = EngineRequest(
        0, chat_ids(tokenizer, "Tell me a story."), max_new_tokens=24, temperature=1.2, seed=5
    )
    first, again = await run(engine, request), await run(engine, request)
    other = await run(engine, replace(request, seed=6))
    assert first.text == again.text != other.text


@pytest.mark.parametrize(
    "change",
    [
        {"top_k": 1},
        {"top_p": 0.01},
        {"min_p": 0.99},
    ],
)
async def test_narrowing_parameters_make_sampling_greedy(engine, counting, change):
    greedy = await run(engine, counting)
    narrowed = await run(engine, replace(counting, temperature=2.0, seed=3, **change))
    assert narrowed.text == greedy.text


@pytest.mark.parametrize(
    "change",
    [
        {"repetition_penalty": 2.0},
        {"presence_penalty": 2.0},
        {"frequency_penalty": 2.0},
    ],
)
async def test_penalties_change_the_answer(engine, tokenizer, change):
    looping = list(tokenizer.encode("one two three one two three one two three one").ids)
    request = EngineRequest(0, looping, max_new_tokens=32, temperature=0)
    assert (await run(engine, request)).text != (await run(engine, replace(request, **change))).text


async def test_a_refused_request_harms_nobody(engine, counting):
    """The known poisons: bad values, an empty prompt, grammars that do not compile."""
    poisons = [
        replace(counting, temperature=1.0, top_p=7.0),
        replace(counting, ids=[]),
        replace(counting, grammar=("json_schema", '{"type": "nope"}')),
        replace(counting, grammar=("regex", "[a")),
        replace(counting, grammar=("ebnf", "root ::= (")),
    ]
    answers = await asyncio.gather(run(engine, counting), *(run(engine, p) for p in poisons))
    assert [answer.finish for answer in answers] == ["length"] + ["refused"] * len(poisons)
    assert all(answer.error and "/" not in answer.error for answer in answers[1:])
    assert (await run(engine, counting)).text == answers[0].text


async def test_a_grammar_shapes_the_answer(engine, tokenizer):
    schema = {
        "type": "object",
        "properties": {"age": {"type": "integer", "minimum": 0, "maximum": 99}},
        "required": ["age"],
        "additionalProperties": False,
    }
    request = EngineRequest(
        0,
        chat_ids(tokenizer, "How old is Bo?"),
        max_new_tokens=60,
        temperature=0,
        grammar=("ebnf", grammar_of(schema, "format").grammar.text),
    )
    answer = await run(engine, request)
    assert answer.finish == "stop"
    assert set(json.loads(answer.text)) == {"age"}


async def test_a_hot_model_cannot_lose_its_way_in_a_schema(engine, tokenizer):
    """Between two JSON tokens the engine's own translation of a schema takes whitespace without
    end, and the starter writes it: at this temperature 7 of 64 such answers never ended."""
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 20},
            "age": {"type": "integer", "minimum": 0, "maximum": 150},
            "mood": {"enum": ["happy", "sad"]},
        },
        "required": ["name", "age", "mood"],
        "additionalProperties": False,
    }
    asked = EngineRequest(
        0,
        chat_ids(tokenizer, "Describe a person called Bo as JSON."),
        max_new_tokens=100,
        temperature=1.5,
        grammar=("ebnf", grammar_of(schema, "format").grammar.text),
    )
    answers = await asyncio.gather(*(run(engine, replace(asked, seed=n)) for n in range(4)))
    assert [answer.finish for answer in answers] == ["stop"] * 4
    people = [json.loads(answer.text) for answer in answers]
    assert all(set(person) == {"name", "age", "mood"} for person in people)
    assert all(0 <= person["age"] <= 150 and len(person["name"]) <= 20 for person in people)


async def test_a_cancelled_generation_leaves_the_engine_to_others(engine, counting):
    number, stream = engine.submit(replace(counting, max_new_tokens=120, ignore_eos=True))
    await stream.next_batch()
    engine.cancel(number)
    assert (await run(engine, counting)).finish == "length"


async def test_a_killed_engine_fails_its_requests_at_once_and_leaves_no_process(starter_folder):
    ended = asyncio.Event()
    process = EngineProcess(job_for("batched", starter_folder), on_end=ended.set)
    await process.start(Patience(load=120))
    pid = process.pid
    request = EngineRequest(0, [504] * 8, max_new_tokens=2000, ignore_eos=True)
    streams = [process.submit(request)[1] for _ in range(3)]
    await streams[0].next_batch()
    psutil.Process(pid).kill()
    for stream in streams:
        with pytest.raises(EngineFailed):
            while True:
                await stream.next_batch()
    await ended.wait()
    assert not psutil.pid_exists(pid)
    with pytest.raises(EngineFailed):
        process.submit(request)


async def test_a_folder_without_a_model_is_a_failed_load(tmp_path):
    process = EngineProcess(job_for("batched", tmp_path), on_end=lambda: None)
    with pytest.raises(LoadFailed) as failure:
        await process.start(Patience(load=60))
    assert str(tmp_path) not in str(failure.value)
    assert not psutil.pid_exists(process.pid)


async def test_an_engine_that_loads_too_long_is_given_up(starter_folder):
    process = EngineProcess(job_for("batched", starter_folder), on_end=lambda: None)
    with pytest.raises(LoadFailed, match="not loaded within"):
        await process.start(Patience(load=0.2))
    assert process.pid is None or not psutil.pid_exists(process.pid)
