"""The picture: from what the server knows to what a person reads, as tables of cases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inference.catalog.progress import PullStatus
from inference.catalog.starter import StarterState
from inference.snapshot import SettingsInfo, Snapshot
from npuconsole.console.words import (
    describe_error,
    describe_outcome,
    describe_starter_help,
    describe_step,
)
from tests.console.facts import NOW, STARTER, a_device, a_model, an_engine, draw


@pytest.mark.parametrize(
    ("starter", "pulls", "words", "fraction", "error"),
    [
        (
            StarterState(STARTER, is_wanted=True, words="beginning"),
            (),
            "Beginning",
            0.0,
            "",
        ),
        (
            StarterState(STARTER, is_wanted=True, words="downloading", fraction=0.5),
            (PullStatus(STARTER, step="downloading from hub:a/b@123", fraction=0.5),),
            "Downloading from the hub (a/b)",
            0.5,
            "",
        ),
        (
            StarterState(STARTER, is_wanted=True, words="waiting", error="disk full"),
            (),
            "Waiting",
            0.0,
            "disk full",
        ),
    ],
)
def test_the_starters_progress_is_told_in_words(
    starter: StarterState, pulls: tuple[PullStatus, ...], words: str, fraction: float, error: str
) -> None:
    models = {STARTER: a_model(status="installing")}
    picture = draw(snapshot=Snapshot(models=models), starter=starter, pulls=pulls)
    (model,) = picture.models
    assert model.is_starter
    assert model.progress is not None
    assert (model.progress.words, model.progress.fraction) == (words, fraction)
    assert model.progress.error == error
    assert bool(model.progress.advice) == bool(error)


def test_a_ready_model_has_no_progress_and_says_where_it_is_loaded() -> None:
    picture = draw(
        snapshot=Snapshot(
            models={STARTER: a_model(), "a:1b": a_model("a:1b")},
            devices=(a_device("NPU", emulated=True),),
        ),
        engines=(an_engine("NPU"),),
    )
    starter, other = picture.models
    assert (starter.name, other.name) == (STARTER, "a:1b")
    assert starter.progress is None
    (home,) = starter.residences
    assert (home.device, home.emulated) == ("NPU", True)
    assert home.expires_at == int((NOW + timedelta(minutes=5)).timestamp() * 1000)
    assert other.residences == ()


def test_the_echo_engine_is_announced() -> None:
    assert draw().echo is False
    assert draw(snapshot=Snapshot(settings=SettingsInfo(real_inference=False))).echo is True


def test_pictures_are_equal_when_only_the_clock_moved() -> None:
    assert draw() == draw(at=NOW + timedelta(seconds=1))
    assert draw() != draw(running=1)


def test_words_for_outcomes_sources_and_help() -> None:
    assert describe_outcome("stop") == ""
    assert describe_outcome("some_new_code") == "some new code"
    assert describe_error("engine_failed", "runner gone").startswith("The engine stopped")
    assert describe_error("timeout", "it took long") == "It took long"
    assert describe_step("downloading from package-index:llm-x==0.1.2") == (
        "Downloading from the package index (llm-x 0.1.2)"
    )
    assert describe_starter_help(30).startswith("Next try in 30 s.")
