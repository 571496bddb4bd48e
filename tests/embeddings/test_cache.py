"""The vectors used last stay, as many as the owner wants at the time."""

from __future__ import annotations

import numpy as np

from inference.embeddings.cache import Key, Known, VectorCache, key_of


def known(value: float) -> Known:
    return Known(np.array([value], np.float32), "CPU")


def keys(count: int) -> list[Key]:
    return [key_of("digest", [2, number, 3]) for number in range(count)]


def test_a_key_is_the_tokens_and_the_weights() -> None:
    assert key_of("one", [1, 2]) == key_of("one", (1, 2))
    assert len({key_of("one", [1, 2]), key_of("two", [1, 2]), key_of("one", [2, 1])}) == 3
    assert key_of("one", [1]) != key_of("one", [1, 0])


def test_the_longest_unused_goes_first() -> None:
    cache = VectorCache()
    a, b, c = keys(3)
    cache.keep(a, known(1), 2)
    cache.keep(b, known(2), 2)
    assert cache.find(a, 2) is not None

    cache.keep(c, known(3), 2)

    assert cache.find(b, 2) is None
    assert [entry.vector[0] for entry in (cache.find(a, 2), cache.find(c, 2)) if entry] == [1, 3]


def test_a_smaller_setting_counts_at_once() -> None:
    cache = VectorCache()
    for key in keys(10):
        cache.keep(key, known(0), 10)

    assert cache.find(keys(1)[0], 3) is None
    assert len(cache) == 3


def test_a_size_of_zero_keeps_nothing() -> None:
    cache = VectorCache()
    (key,) = keys(1)

    cache.keep(key, known(1), 0)

    assert cache.find(key, 0) is None
    assert len(cache) == 0
