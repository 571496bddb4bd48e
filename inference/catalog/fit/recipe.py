"""How a model's weights were compressed, and whether an NPU's compiler takes that.

From the notes that nncf leaves at the end of the graph, else from openvino_config.json, else from
the name. The NPU wants four bits, symmetric, in every layer (ratio 1.0), with one scale per channel
(group size -1) or per 128 values; source: OpenVINO's guide to GenAI on NPUs, 2025.4.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from inference.catalog.fit.description import Description

NPU_GROUPS = (-1, 128)

_NOTE = re.compile(r'<(mode|group_size|ratio) value="([^"]{1,20})"\s*/>')
_MODES = re.compile(r"(int4|int8|nf4|mxfp4)(_sym|_asym)?")


class Legality(StrEnum):
    """What the NPU's compiler makes of a recipe. UNPROVEN: it compiles where it was tried, but is
    not what the compiler is made for."""

    LEGAL = "legal"
    UNPROVEN = "unproven"
    ILLEGAL = "illegal"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Recipe:
    """`bits` 0 unknown; `symmetric`, `group` (-1: one scale per channel) and `ratio` None unknown.
    `source` says who told: "graph", "openvino_config.json", "name", "importer", "" nobody."""

    bits: int = 0
    symmetric: bool | None = None
    group: int | None = None
    ratio: float | None = None
    source: str = ""

    @property
    def words(self) -> str:
        """Such as `int4 symmetric, channel-wise`."""
        if not self.bits:
            return "weights of an unknown recipe"
        parts = [f"int{self.bits}" if self.bits < 16 else f"{self.bits}-bit"]
        if self.symmetric is not None:
            parts[0] += " symmetric" if self.symmetric else " asymmetric"
        if self.group is not None:
            parts.append("channel-wise" if self.group < 0 else f"groups of {self.group}")
        if self.ratio is not None and self.ratio < 1:
            parts.append(f"ratio {self.ratio:g}")
        return ", ".join(parts) + (" (by its name)" if self.source == "name" else "")


def read_recipe(description: Description) -> Recipe:
    """The recipe, from the most reliable of what tells it."""
    return (
        _of_graph(description.graph_tail)
        or _of_config(description.texts.get("openvino_config.json", {}))
        or _of_importer(description.facts)
        or _of_name(description.name)
        or Recipe()
    )


def judge_recipe(recipe: Recipe) -> tuple[Legality, str]:
    """Whether a real NPU takes it, and the reason in words."""
    if not recipe.bits:
        return Legality.UNKNOWN, "it is not known how its weights were compressed"
    if recipe.bits != 4:
        return (
            Legality.UNPROVEN,
            f"its weights are {recipe.words}; NPUs are made for int4 symmetric ones",
        )
    wrong = []
    if recipe.symmetric is False:
        wrong.append("symmetric weights")
    if recipe.group is not None and recipe.group not in NPU_GROUPS:
        wrong.append("one scale per channel or per 128 values")
    if recipe.ratio is not None and recipe.ratio < 1:
        wrong.append("ratio 1.0")
    if wrong:
        return Legality.ILLEGAL, f"its weights are {recipe.words}; NPUs want {' and '.join(wrong)}"
    if recipe.symmetric is None or recipe.group is None:
        return Legality.UNKNOWN, f"its weights are {recipe.words}; nothing tells the rest"
    return Legality.LEGAL, f"its weights are {recipe.words}, as NPUs want them"


def _of_graph(tail: str) -> Recipe | None:
    notes = dict(_NOTE.findall(tail))
    return _of_mode(notes.get("mode", ""), notes.get("group_size"), notes.get("ratio"), "graph")


def _of_mode(mode: str, group: Any, ratio: Any, source: str) -> Recipe | None:
    match = _MODES.fullmatch(mode)
    if match is None:
        return None
    bits = 8 if match[1] == "int8" else 4
    # nf4 and mxfp4 have a sign and no zero point.
    symmetric = match[2] == "_sym" if match[2] else match[1] != "int8"
    return Recipe(bits, symmetric, _whole(group), _fraction(ratio), source)


def _of_config(config: Mapping[str, Any]) -> Recipe | None:
    """optimum-intel's own file; of a mixed one the default part counts."""
    found = config.get("quantization_config")
    if not isinstance(found, Mapping):
        return None
    inner = found.get("default_config")
    quantization = inner if isinstance(inner, Mapping) else found
    bits, symmetric = quantization.get("bits"), quantization.get("sym")
    if bits not in (4, 8):
        return None
    return Recipe(
        int(bits),
        symmetric if isinstance(symmetric, bool) else None,
        _whole(quantization.get("group_size")),
        _fraction(quantization.get("ratio")),
        "openvino_config.json",
    )


def _of_importer(facts: Mapping[str, Any]) -> Recipe | None:
    """Our own import of a GGUF file: one scale per row, or the file's groups."""
    return {
        "int8": Recipe(8, True, -1, 1.0, "importer"),
        "file": Recipe(4, False, 32, 1.0, "importer"),
    }.get(str(facts.get("weight_format", "")))


def _of_name(name: str) -> Recipe | None:
    """By the OpenVINO organisation's habit: `-int4-cw-ov` channel-wise symmetric, `-int4-ov` mixed
    and asymmetric, `-int8-ov`, `-fp16-ov`."""
    lower = name.lower()
    if re.search(r"int4[-_]cw", lower):
        return Recipe(4, True, -1, 1.0, "name")
    if "int4" in lower:
        symmetric = False if "asym" in lower or lower.endswith("-int4-ov") else None
        group = re.search(r"[-_]g(?:roup)?[-_]?(\d{2,3})\b", lower)
        return Recipe(
            4,
            True if "-sym" in lower else symmetric,
            int(group[1]) if group else None,
            None,
            "name",
        )
    if "int8" in lower:
        return Recipe(8, None, None, None, "name")
    return Recipe(16, None, None, None, "name") if re.search(r"\b(fp16|bf16)\b", lower) else None


def _whole(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def _fraction(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
