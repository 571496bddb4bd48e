"""Special tokens that belong to the answer are spelled out, by every kind of decoder."""

from __future__ import annotations

import pytest

from inference.worker.detokenizer import TableText, WindowText
from inference.worker.markers import MarkedText, marks_among

TABLE = {0: b"Hello", 1: b" w", 2: b"\xc3", 3: b"\xbc", 4: b"!"}
MARKS = {9: "<|tool_call|>"}


def decode(ids):
    """Like SentencePiece: the first token's space is stripped."""
    return b"".join(TABLE.get(token, b"") for token in ids).decode("utf-8", "replace").lstrip(" ")


@pytest.mark.parametrize("new_text", [lambda: TableText(TABLE), lambda: WindowText(decode)])
@pytest.mark.parametrize("size", [1, 2, 9])
def test_a_marked_token_is_spelled_out_where_it_stands(new_text, size):
    ids = [0, 1, 2, 3, 9, 4, 8, 4, 9, 9, 0]
    text = MarkedText(new_text, MARKS)
    pieces = [text.feed(ids[start : start + size]) for start in range(0, len(ids), size)]
    whole = "".join(pieces) + text.flush()
    assert whole == "Hello wü<|tool_call|>!!<|tool_call|><|tool_call|>Hello"


def test_only_wanted_tokens_are_marked():
    special = {9: "<|tool_call|>", 2: "<|end|>"}
    assert marks_among(["<|tool_call|>", "<think>"], special) == MARKS
