"""How a model's weights were made, as its files tell it, and what an NPU makes of that."""

from __future__ import annotations

import pytest

from inference.catalog.fit.description import Description
from inference.catalog.fit.recipe import Legality, Recipe, judge_recipe, read_recipe

GRAPH = '<mode value="{}" /><group_size value="{}" /><ratio value="{}" />'


@pytest.mark.parametrize(
    ("description", "recipe"),
    [
        (
            Description("x-int4-ov", (), graph_tail=GRAPH.format("int4_sym", "-1", "1.0")),
            Recipe(4, True, -1, 1.0, "graph"),
        ),
        (
            Description("x", (), graph_tail=GRAPH.format("int8_asym", "-1", "1")),
            Recipe(8, False, -1, 1.0, "graph"),
        ),
        (
            Description(
                "x",
                (),
                {
                    "openvino_config.json": {
                        "quantization_config": {
                            "bits": 4, "sym": False, "group_size": 64, "ratio": 0.8
                        }
                    }
                },
            ),
            Recipe(4, False, 64, 0.8, "openvino_config.json"),
        ),
        (Description("OpenVINO/Qwen3-4B-int4-cw-ov", ()), Recipe(4, True, -1, 1.0, "name")),
        (Description("OpenVINO/Qwen3-4B-int4-ov", ()), Recipe(4, False, None, None, "name")),
        (Description("Qwen/Qwen3-4B", ()), Recipe()),
    ],
)  # fmt: skip
def test_the_recipe_is_read_from_what_tells_it_best(
    description: Description, recipe: Recipe
) -> None:
    assert read_recipe(description) == recipe


@pytest.mark.parametrize(
    ("recipe", "legality", "words"),
    [
        (Recipe(4, True, -1, 1.0), Legality.LEGAL, "as NPUs want them"),
        (Recipe(4, True, 128, 1.0), Legality.LEGAL, "groups of 128"),
        (Recipe(4, True, 64, 1.0), Legality.ILLEGAL, "per 128 values"),
        (Recipe(4, False, 128, 0.8), Legality.ILLEGAL, "symmetric weights and ratio 1.0"),
        (Recipe(8, True, -1, 1.0), Legality.UNPROVEN, "int8"),
        (Recipe(4, None, None, None, "name"), Legality.UNKNOWN, "by its name"),
        (Recipe(), Legality.UNKNOWN, "not known"),
    ],
)
def test_what_an_npu_makes_of_a_recipe(recipe: Recipe, legality: Legality, words: str) -> None:
    told, reason = judge_recipe(recipe)

    assert told is legality
    assert words in reason
