"""The run as a picture. Needs matplotlib (extra `bench`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.results import Results

COLOURS = {"appliance": "#0f766e", "raw engine": "#64748b", "llama-server": "#d97706"}


class NoMatplotlib(Exception):
    """The package that draws is not installed."""


def draw(
    results: Results, targets: Sequence[str], streams: Sequence[int], title: str, path: Path
) -> None:
    """Write the picture (the suffix of `path` says which kind). Raises NoMatplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise NoMatplotlib from error
    figure = Figure(figsize=(11, 7), layout="constrained")
    figure.suptitle(title, fontsize=11)
    panels = figure.subplots(2, 2)
    counts = [str(count) for count in streams]
    _bars(
        panels[0][0],
        results,
        targets,
        "Decode, tokens/s of all streams",
        [(_streams(count), f"decode.{count}.tokens_per_second") for count in counts],
    )
    _bars(
        panels[0][1],
        results,
        targets,
        "Prefill, tokens/s",
        [("long prompt", "prefill.tokens_per_second")],
    )
    _bars(
        panels[1][0],
        results,
        targets,
        "Between tokens, ms (p50 and p99)",
        [
            (f"{count}: {share}", f"decode.{count}.gap_{share}_ms")
            for count in counts
            for share in ("p50", "p99")
        ],
    )
    _bars(
        panels[1][1],
        results,
        targets,
        "Time to first token, ms (idle engine)",
        [("short prompt", "ttft.ms")],
    )
    figure.legend(
        *panels[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=len(targets)
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)


def _streams(count: str) -> str:
    return "1 stream" if count == "1" else f"{count} streams"


def _bars(
    panel: Any,
    results: Results,
    targets: Sequence[str],
    title: str,
    groups: Sequence[tuple[str, str]],
) -> None:
    panel.set_title(title, fontsize=10)
    width = 0.8 / len(targets)
    for place, target in enumerate(targets):
        heights = [results.middle(figure, target) or 0.0 for _, figure in groups]
        offsets = [index - 0.4 + width * (place + 0.5) for index in range(len(groups))]
        bars = panel.bar(offsets, heights, width, label=target, color=COLOURS.get(target))
        labels = [f"{height:.0f}" if height >= 10 else f"{height:.1f}" for height in heights]
        panel.bar_label(bars, labels=labels, fontsize=7)
    panel.set_xticks(range(len(groups)), [name for name, _ in groups], fontsize=8)
    panel.spines[["top", "right"]].set_visible(False)
