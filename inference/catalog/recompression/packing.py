"""The packing itself, by nncf. The only module that imports it, in the child process only."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import openvino as ov
import rich.progress

from inference.catalog.recompression.perplexity import inputs_of
from inference.catalog.recompression.targets import NPU_GROUP, Recipe

_READING = 0.3
_BARS = {"Applying Scale Estimation": (_READING, 0.9), "Applying Weight Compression": (0.9, 1.0)}
"""What nncf does one after the other, and where each begins and ends in all of it."""

# It asks for consent to send statistics, or sends them; nothing leaves this machine.
os.environ["NNCF_CI"] = "1"


def pack(
    model: ov.Model,
    recipe: Recipe,
    pieces: Sequence[Sequence[int]],
    report: Callable[[float], None],
) -> ov.Model:
    """`model`, whose weights are floats, packed as `recipe` says.

    For four bits it reads `pieces` of text and sets each scale so that the products with the values
    seen change least: of the starter's loss of perplexity with a scale a row, that takes away half.
    `report` is told the share done.
    """
    with _bars_told(report):
        return _pack(model, recipe, pieces, report)


def _pack(
    model: ov.Model,
    recipe: Recipe,
    pieces: Sequence[Sequence[int]],
    report: Callable[[float], None],
) -> ov.Model:
    import nncf

    if recipe.bits == 8:
        return nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT8_SYM)
    modes = nncf.CompressWeightsMode
    settings: dict[str, Any] = {}
    if 0 < recipe.group_size < NPU_GROUP:
        # Rows that such groups do not divide get smaller ones; for an NPU there must be none.
        settings["advanced_parameters"] = nncf.AdvancedCompressionParameters(
            group_size_fallback_mode=nncf.GroupSizeFallbackMode.ADJUST
        )
    inputs = [inputs_of(model, piece) for piece in pieces]
    return nncf.compress_weights(
        model,
        mode=modes.INT4_SYM if recipe.is_symmetric else modes.INT4_ASYM,
        ratio=1.0,
        group_size=recipe.group_size,
        dataset=nncf.Dataset(_Told(inputs, report)),
        subset_size=len(inputs),
        scale_estimation=True,
        **settings,
    )


@contextmanager
def _bars_told(report: Callable[[float], None]) -> Iterator[None]:
    """Tell how far nncf's progress bars are, which it draws with rich and shows in no other way
    (3.4)."""
    plain = rich.progress.Progress.advance

    def advance(
        bar: rich.progress.Progress, task_id: rich.progress.TaskID, advance: float = 1
    ) -> None:
        plain(bar, task_id, advance)
        task = next((one for one in bar.tasks if one.id == task_id), None)
        if task is not None and task.total and task.description in _BARS:
            first, last = _BARS[task.description]
            report(first + (last - first) * min(1.0, task.completed / task.total))

    rich.progress.Progress.advance = advance  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        rich.progress.Progress.advance = plain  # type: ignore[method-assign, assignment]


class _Told:
    """The inputs, which tell how many of them were taken: that is the first part of the work."""

    def __init__(self, inputs: Sequence[Any], report: Callable[[float], None]) -> None:
        self._inputs = inputs
        self._report = report

    def __len__(self) -> int:
        return len(self._inputs)

    def __iter__(self) -> Iterator[Any]:
        for number, item in enumerate(self._inputs):
            self._report(_READING * number / len(self._inputs))
            yield item
