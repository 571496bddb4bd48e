"""What gathers of an answer until its client gets it."""

from __future__ import annotations

from inference.answer_text import AnswerText
from inference.prompts.conversation import Prepared
from inference.prompts.planned import PlannedPrompt
from inference.prompts.thinking import Tags
from inference.requests import Grammar, TextDelta, ThinkingDelta, TokenLogprob

THINKS = PlannedPrompt("", None, Prepared((), tags=Tags("<think>", "</think>")))
STEPS = ("<think>", "so ", "on", "</think>", "Yes", ".")


def add_all(text: AnswerText) -> None:
    for number, step in enumerate(STEPS):
        text.add(step, [number], is_last=step == STEPS[-1])


def test_tokens_are_known_as_reasoning_even_if_nothing_leaves_before_the_end():
    streamed, held = AnswerText(THINKS), AnswerText(THINKS)
    for number, step in enumerate(STEPS):
        streamed.add(step, [number], is_last=step == STEPS[-1])
        streamed.release()

    add_all(held)
    events = held.release()

    assert held.thinking_tokens == streamed.thinking_tokens > 0
    assert "".join(e.text for e in events if isinstance(e, ThinkingDelta)) == "so on"
    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == "Yes."
    assert [token for event in events for token in event.token_ids] == list(range(len(STEPS)))


def test_an_answer_that_is_begun_anew_is_read_anew():
    text = AnswerText(THINKS)
    text.add("<think>ga ga", [0], is_last=False)

    text.begin_anew()
    add_all(text)

    assert text.characters == len("".join(STEPS))
    assert [type(event) for event in text.release() if event.text][-1] is TextDelta
    assert text.thinking_tokens < len(STEPS)


def test_an_answer_that_is_repeated_twice_over_reaches_its_client_once():
    """The second engine ends while it repeats what the client has; a third begins once more."""
    text = AnswerText(PlannedPrompt("", Grammar("ebnf", 'root ::= "x"'), Prepared(())))
    chance = TokenLogprob(b"x", -0.5)
    text.add("ABCDEF", [1], [chance], is_last=False)
    first = text.release()
    text.begin_anew()
    text.add("AB", [2], [chance], is_last=False)
    second = text.release()
    text.begin_anew()
    text.add("ABCD", [3], [chance], is_last=False)
    text.add("EFG", [4], [chance], is_last=True)
    third = text.release()

    told = [event for event in (*first, *second, *third) if event.text or event.logprobs]
    assert [event.text for event in told] == ["ABCDEF", "G"]
    assert text.characters == len("ABCDEFG")
