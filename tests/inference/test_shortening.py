"""Which messages a conversation loses that outgrew every device."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from inference import planning
from inference.errors import InvalidRequest, PromptTooLong
from inference.requests import GenerationRequest, Message
from inference.shortening import with_history_that_fits, without_oldest
from tests.inference.small_picture import CPU, MODEL, picture

S = Message("system", "s")
CALL = Message("assistant", "call", {"tool_calls": [{}]})
RESULT = Message("tool", "result")


def turn(number: int) -> Message:
    return Message("user" if number % 2 else "assistant", f"turn {number}")


@pytest.mark.parametrize(
    ("messages", "count", "kept"),
    [
        ([S, turn(1), turn(2), turn(3)], 0, [S, turn(1), turn(2), turn(3)]),
        ([S, turn(1), turn(2), turn(3)], 1, [S, turn(2), turn(3)]),
        ([S, turn(1), turn(2), turn(3)], 9, [S, turn(3)]),
        ([turn(1), S, turn(2), S, turn(3)], 9, [S, S, turn(3)]),
        ([turn(1)], 9, [turn(1)]),
        ([S], 1, [S]),
        ([turn(1), CALL, RESULT, RESULT, turn(3)], 2, [turn(3)]),
        ([turn(1), CALL, RESULT, turn(2), turn(3)], 1, [CALL, RESULT, turn(2), turn(3)]),
        ([turn(1), CALL, RESULT], 9, [RESULT]),
    ],
)
def test_system_messages_and_the_last_one_stay(
    messages: list[Message], count: int, kept: list[Message]
) -> None:
    assert without_oldest(messages, count) == tuple(kept)


@dataclass
class Room:
    """Takes conversations of so many messages."""

    places: int
    tried: list[int] = field(default_factory=list)

    async def attempt(self, request: GenerationRequest) -> tuple[Message, ...]:
        messages = request.messages or ()
        self.tried.append(len(messages))
        if len(messages) > self.places:
            raise PromptTooLong(prompt_tokens=len(messages), requested_tokens=1, limits={})
        return messages


HISTORY = GenerationRequest(
    model=MODEL,
    family="ollama",
    endpoint="chat",
    messages=(S, *map(turn, range(1, 100))),
    may_drop_messages=True,
)


@pytest.mark.parametrize("places", [2, 3, 50, 99, 100, 200])
async def test_no_more_is_left_out_than_must_be(places: int) -> None:
    room = Room(places)

    fitting = await with_history_that_fits(HISTORY, room.attempt)

    assert len(fitting) == min(places, 100)
    assert (fitting[0], fitting[-1]) == (S, turn(99))
    assert len(room.tried) <= 9


@dataclass
class StrictRoom(Room):
    """Its template's turns must alternate, and begin with the user's."""

    async def attempt(self, request: GenerationRequest) -> tuple[Message, ...]:
        messages = await super().attempt(request)
        if messages[1].role != "user":
            raise InvalidRequest("Conversation roles must alternate", field="messages")
        return messages


@pytest.mark.parametrize("places", [2, 3, 4, 49, 50, 99])
async def test_an_answer_that_no_question_is_left_to_goes_as_well(places: int) -> None:
    fitting = await with_history_that_fits(HISTORY, StrictRoom(places).attempt)

    assert len(fitting) == places - places % 2
    assert (fitting[0], fitting[1].role, fitting[-1]) == (S, "user", turn(99))


@pytest.mark.parametrize(
    "request_", [replace(HISTORY, may_drop_messages=False), replace(HISTORY, messages=(turn(1),))]
)
async def test_it_is_refused_where_nothing_may_go(request_: GenerationRequest) -> None:
    with pytest.raises(PromptTooLong):
        await with_history_that_fits(request_, Room(0).attempt)


async def test_it_is_refused_if_even_the_last_message_is_too_long() -> None:
    with pytest.raises(PromptTooLong) as refused:
        await with_history_that_fits(HISTORY, Room(1).attempt)

    assert refused.value.prompt_tokens == 2


async def test_a_plan_has_the_tokens_of_what_is_left(starter_folder, tokenizer):
    turns = tuple(replace(turn(n), content=f"turn {n} " + "word " * 50) for n in range(1, 10))
    request = replace(HISTORY, messages=(S, *turns))
    small = picture(starter_folder, devices=(replace(CPU, max_prompt_len=200),))

    plan = await planning.make_plan(request, small, starter_folder)

    assert 100 < len(plan.prompt_ids) <= 200
    text = tokenizer.decode(list(plan.prompt_ids))
    assert "turn 9" in text
    assert "turn 8" in text
    assert "turn 1 " not in text
