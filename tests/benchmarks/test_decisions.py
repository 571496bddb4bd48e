"""The benchmark of decisions measures what it says it measures."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer

from benchmarks.decision_costs import PROMPT_TOKENS, Figure, _new_text, counting, decisions


@pytest.fixture
def folder(starter_home: Path) -> Path:
    """The installed starter's model folder."""
    return next((starter_home / "models" / "installed").iterdir())


def test_every_decision_has_a_figure_and_the_goal(folder: Path) -> None:
    figures = list(decisions(folder, 10))
    assert [figure.goal for figure in figures] == [50.0] * 4 + [None]
    assert all(len(figure.seconds) == 10 for figure in figures)


async def test_counting_reads_ever_new_texts_of_the_stated_length(folder: Path) -> None:
    figures = await counting(folder, 2)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    texts = {_new_text(tokenizer, seed) for seed in range(2)}
    assert [figure.goal for figure in figures] == [None, 5.0, None]
    assert len(texts) == 2
    for text in texts:
        assert abs(len(tokenizer.encode(text).ids) - PROMPT_TOKENS) <= 1


def test_a_figure_says_whether_its_goal_was_met() -> None:
    met = str(Figure("a", [1e-6, 2e-6, 3e-6], 1e6, "µs", 2.0))
    missed = str(Figure("a", [1e-6, 2e-6, 3e-6], 1e6, "µs", 1.5))
    assert "2.00 µs, at best   1.00" in met
    assert met.endswith("goal 2 µs: met")
    assert missed.endswith("goal 1.5 µs: MISSED")
