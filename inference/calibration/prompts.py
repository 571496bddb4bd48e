"""The prompts of a calibration: how long, how many of each length, and their token ids.

Each is a passage of `sample.txt`, a text of our own, that begins again and breaks off. A model goes
on with the passage, which takes attention to tokens far back, and is sure of it: with the plain
text 20 of 100 answers of a healthy device left the CPU's within four tokens, with this 7 of 100
at 32 tokens and none from 512 on (starter model, emulated NPU). Every prompt begins at a place of
its own, because the prefix cache would answer for one that begins like another.
"""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer

ANSWER_TOKENS = 16
"""How much is generated for each prompt."""
SHORTEST = (32, 128, 512)
LONGEST_COMPARED = 8192
"""Where prompts are not bound to static shapes, longer ones are not compared: the CPU would need
hours for its answers."""
FEWER_ABOVE = 512


def prompt_lengths(longest_prompt: int, capacity: int, *, is_static: bool) -> tuple[int, ...]:
    """The lengths to measure, in tokens, shortest first: 32, 128, 512, 1,024, 2,048 … and last the
    pair's limit itself, as far as `capacity` leaves room for the answer."""
    last = max(1, min(longest_prompt, capacity - ANSWER_TOKENS))
    if not is_static:
        last = min(last, LONGEST_COMPARED)
    return (*(length for length in _ladder(last) if length < last), last)


def length_below(prompt_tokens: int) -> int:
    """The longest of the usual lengths that is shorter than that prompt, 0 if none is."""
    return max((length for length in _ladder(prompt_tokens) if length < prompt_tokens), default=0)


def prompts_at(length: int) -> int:
    """How many prompts of that length are measured."""
    return 3 if length <= FEWER_ABOVE else 2


def make_prompts(tokenizer: Tokenizer, lengths: tuple[int, ...]) -> dict[int, list[list[int]]]:
    """Token ids for each length, exactly that long, with the tokens the model wants first. Takes
    some milliseconds: call it in a thread."""
    text = (Path(__file__).parent / "sample.txt").read_text(encoding="utf-8")
    first, ids = _beginning(tokenizer), tokenizer.encode(text, add_special_tokens=False).ids
    places = [length for length in lengths for _ in range(prompts_at(length))]
    prompts: dict[int, list[list[int]]] = {length: [] for length in lengths}
    for place, length in enumerate(places):
        start = place * len(ids) // len(places)
        passage = (ids[start:] + ids[:start])[: max(1, length * 3 // 5)]
        repeats = -(-length // len(passage))
        prompts[length].append((first + passage * repeats)[:length])
    return prompts


def _beginning(tokenizer: Tokenizer) -> list[int]:
    """What the tokenizer puts before a text by itself: models trained with such a token answer
    garbage without it."""
    plain = tokenizer.encode("a", add_special_tokens=False).ids
    dressed: list[int] = tokenizer.encode("a", add_special_tokens=True).ids
    return dressed[: dressed.index(plain[0])] if plain and plain[0] in dressed else []


def _ladder(longest: int) -> list[int]:
    lengths = list(SHORTEST)
    while lengths[-1] * 2 <= longest:
        lengths.append(lengths[-1] * 2)
    return lengths
