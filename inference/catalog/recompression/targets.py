"""What weights can be made into, and how exactly. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from inference.errors import InvalidRequest


class Target(StrEnum):
    """What a client asks for."""

    INT8 = "int8"
    INT4 = "int4"
    NPU = "npu"

    @property
    def device_classes(self) -> tuple[str, ...]:
        """The devices that the form is made for, where the model has other forms too."""
        return ("NPU",) if self is Target.NPU else ("GPU", "CPU")

    @property
    def most_loss(self) -> float:
        """The perplexity on text, as a multiple of the source's, beyond which the form is not worth
        having. Measured with the starter: 1.00 with eight bits, 1.1 to 1.3 with four."""
        return 1.05 if self is Target.INT8 else 1.5


@dataclass(frozen=True, slots=True)
class Recipe:
    """How weights are packed. `group_size` values along a row share a scale; -1: all of a row."""

    bits: int
    is_symmetric: bool
    group_size: int = -1

    @property
    def weight_format(self) -> str:
        """Such as `int4_sym-g128`, as the notes in exported graphs put it."""
        group = f"-g{self.group_size}" if self.group_size > 0 else ""
        return f"int{self.bits}_{'sym' if self.is_symmetric else 'asym'}{group}"


NPU_GROUP = 128
_GROUP_BELOW = 4_000_000_000
"""NPUs run symmetric four bits, with one scale a row or for 128 values. Groups keep more quality;
large models run markedly faster without (OpenVINO GenAI's guide for NPUs)."""

INT4_GROUP = 64


def read_target(text: str) -> Target:
    """The target a client names. Raises InvalidRequest."""
    try:
        return Target(text.strip().lower())
    except ValueError:
        raise InvalidRequest(
            f"to: {text[:40]!r} is not one of {', '.join(Target)}", field="to"
        ) from None


def recipe_for(target: Target, widths: Collection[int], parameter_count: int) -> Recipe:
    """The recipe for a model whose matrices have rows of `widths` values; `parameter_count` 0 means
    unknown."""
    if target is Target.INT8:
        return Recipe(8, is_symmetric=True)
    if target is Target.INT4:
        return Recipe(4, is_symmetric=False, group_size=INT4_GROUP)
    is_even = all(width % NPU_GROUP == 0 for width in widths)
    if is_even and parameter_count < _GROUP_BELOW:
        return Recipe(4, is_symmetric=True, group_size=NPU_GROUP)
    return Recipe(4, is_symmetric=True)


def bits_of(weight_format: str) -> int:
    """About how many bits a weight of that form has; 16 for whole numbers, 5 for those that are as
    in their GGUF file, which may be any."""
    if weight_format == "file":
        return 5
    if "int8" in weight_format or "8bit" in weight_format:
        return 8
    return 4 if "4" in weight_format else 16
