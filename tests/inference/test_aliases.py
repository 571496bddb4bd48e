"""Other names for models: which they may be, and what they mean."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import pytest
from django.core.exceptions import ValidationError

from inference import configuration, planning, snapshot
from inference.errors import ModelNotFound
from inference.snapshot import ModelInfo, Snapshot, VariantInfo


def a_model(name: str, status: str = "ready") -> ModelInfo:
    return ModelInfo(
        id=1,
        name=name,
        status=status,
        family="llama",
        digest="0" * 64,
        size_bytes=1,
        parameter_count=1,
        quantization="Q4_1",
        context_length=512,
        capabilities=("completion",),
        modified_at=datetime.now(UTC),
        variants=(VariantInfo(1, Path("x"), "int8", 1),),
        facts={},
        chat_template="",
    )


PICTURE = Snapshot(
    models=MappingProxyType(
        {name: a_model(name) for name in ("Qwen3:4b", "mistral:latest")}
        | {"late:1b": a_model("late:1b", "installing")}
    ),
    aliases=MappingProxyType(
        {
            "gpt-4o-mini:latest": "qwen3:4b",
            "mistral:latest": "qwen3:4b",
            "chain:latest": "gpt-4o-mini:latest",
            "gone:latest": "nothing:latest",
            "me:me": "me:me",
            "soon:latest": "late:1b",
        }
    ),
)


@pytest.mark.parametrize(
    ("asked", "model"),
    [
        ("gpt-4o-mini", "Qwen3:4b"),
        ("GPT-4o-mini:latest", "Qwen3:4b"),
        ("QWEN3:4B", "Qwen3:4b"),
        ("mistral", "mistral:latest"),  # an installed model comes before the alias
    ],
)
def test_an_alias_means_its_model(asked: str, model: str) -> None:
    assert planning.resolve_model(asked, PICTURE).name == model


@pytest.mark.parametrize("asked", ["chain", "gone", "me:me", "gpt-4o-mini:other"])
def test_an_alias_is_followed_once_and_only_to_what_is_there(asked: str) -> None:
    with pytest.raises(ModelNotFound, match=asked):
        planning.resolve_model(asked, PICTURE)


def test_the_names_that_answer_are_listed_as_people_type_them() -> None:
    assert [model.name for model in PICTURE.answering()] == [
        "Qwen3:4b",
        "mistral:latest",
        "gpt-4o-mini",
    ]


@pytest.mark.parametrize(
    ("name", "target", "field"),
    [
        ("a b", "qwen3:4b", "name"),
        ("x", "", "target"),
        ("x", "X:latest", "target"),
        ("x", "gpt-4o-mini", "target"),
        ("qwen3:4b", "mistral", "name"),
        ("gpt-4o-mini", "mistral", "name"),
    ],
)
def test_what_makes_no_sense_is_refused(rows: None, name: str, target: str, field: str) -> None:
    from inference.models import ModelAlias

    ModelAlias.objects.create(name="gpt-4o-mini:latest", target="qwen3:4b")

    with pytest.raises(ValidationError) as caught:
        ModelAlias(name=name, target=target).full_clean()
    assert field in caught.value.message_dict


def test_a_saved_alias_is_in_force_without_a_restart(rows: None) -> None:
    from inference.models import ModelAlias

    def save() -> None:
        alias = ModelAlias(name="GPT-4o-mini", target="qwen3:4B")
        alias.full_clean()
        alias.save()

    async def scenario() -> None:
        configuration.attach(asyncio.get_running_loop())
        await configuration.in_database_thread(save)
        while not snapshot.current().aliases:
            await asyncio.sleep(0.01)
        await configuration.detach()

    asyncio.run(asyncio.wait_for(scenario(), 20))
    assert dict(snapshot.current().aliases) == {"gpt-4o-mini:latest": "qwen3:4b"}
