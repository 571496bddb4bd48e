"""Text comes out complete, whatever way tokens split its characters."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inference.worker.detokenizer import TableText, WindowText, choose_decoder

BYTES = {index: bytes([index]) for index in range(256)}


def decode_bytes(ids):
    return bytes(ids).decode("utf-8", "replace")


@given(st.text(max_size=40))
def test_a_byte_table_gives_the_text_back_without_half_characters(text):
    decoder = TableText(BYTES)
    pieces = [decoder.feed([byte]) for byte in text.encode()]
    assert "".join(pieces) == text
    assert all("\ufffd" not in piece or "\ufffd" in text for piece in pieces)


@given(st.text(max_size=40).filter(lambda text: "\ufffd" not in text))
def test_a_window_gives_the_text_back_without_half_characters(text):
    decoder = WindowText(decode_bytes)
    pieces = [decoder.feed([byte]) for byte in text.encode()]
    assert "".join(pieces) + decoder.flush() == text
    assert not any("\ufffd" in piece for piece in pieces)


def test_a_character_cut_off_at_the_end_is_dropped():
    for decoder in (TableText(BYTES), WindowText(decode_bytes)):
        sent = decoder.feed(list("a🙂".encode()[:-1]))
        assert sent + decoder.flush() == "a"


def test_special_tokens_are_silent():
    vocabulary = {bytes([index]): index for index in range(256)} | {b"<|end|>": 256}
    maker = choose_decoder(vocabulary, [256], lambda text: list(text.encode()), decode_bytes)
    assert maker().feed([104, 105, 256]) == "hi"


def test_a_tokenizer_whose_table_does_not_give_the_probe_back_uses_its_own_decode():
    shifted = {bytes([index]): (index + 1) % 256 for index in range(256)}
    maker = choose_decoder(shifted, [], lambda text: list(text.encode()), decode_bytes)
    assert isinstance(maker(), WindowText)
