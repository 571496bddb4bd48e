"""The results as a table on the terminal and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.results import GOALS, Results

OURS = "appliance"
RAW = "raw engine"
LLAMA = "llama-server"
_WIDTH = 13
_UNITS = (
    ("request_tokens_per_second", "tokens/s with prefill"),
    ("tokens_per_second", "tokens/s"),
    ("ttft_ms", "time to first token, ms"),
    ("gap_p50_ms", "between tokens p50, ms"),
    ("gap_p99_ms", "between tokens p99, ms"),
    ("tokens_per_piece", "tokens per piece"),
    ("strangers_share", "others' share of the CPU"),
    ("health_seconds", "start to /health, s"),
    ("first_token_seconds", "start to first token, s"),
    ("samples", "samples"),
    ("p50_ms", "p50, ms"),
    ("p99_ms", "p99, ms"),
    ("max_ms", "longest, ms"),
)


def table(results: Results, targets: Sequence[str]) -> str:
    """All figures, with our ratio to each of the others (median of the rounds' ratios)."""
    others = [target for target in targets if target != OURS]
    heads = [*targets, *(f"÷ {other.split('-')[0]}" for other in others)]
    lines = [" " * 38 + "".join(f"{head:>{_WIDTH}}" for head in heads)]
    section = ""
    for figure in results.figures(""):
        title, label = _words(figure)
        if title != section:
            lines += ["", title]
            section = title
        cells = [_number(results.middle(figure, target)) for target in targets]
        if _is_comparable(figure):
            cells += [_number(results.ratio(figure, OURS, other)) for other in others]
        lines.append(f"  {label:<36}" + "".join(f"{cell:>{_WIDTH}}" for cell in cells))
    return "\n".join(lines)


def verdicts(results: Results) -> str:
    """The goals that this run can judge."""
    return "\n".join(line for goal in GOALS if (line := goal.verdict(results)))


def as_json(
    results: Results, machine: dict[str, Any], settings: dict[str, Any], notes: Sequence[str]
) -> dict[str, Any]:
    """Everything of the run."""
    ratios = {
        figure: {
            other: ratio
            for other in (RAW, LLAMA)
            if (ratio := results.ratio(figure, OURS, other)) is not None
        }
        for figure in results.figures("")
        if _is_comparable(figure)
    }
    return {
        "machine": machine,
        "settings": settings,
        "figures": results.as_json(),
        "ratios": {figure: found for figure, found in ratios.items() if found},
        "goals": verdicts(results).splitlines(),
        "notes": list(notes),
    }


def write_json(path: Path, content: dict[str, Any]) -> None:
    """One readable file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _words(figure: str) -> tuple[str, str]:
    """Title of the section and label of the line, such as ("8 streams", "tokens/s")."""
    kind, _, rest = figure.partition(".")
    if kind in ("decode", "health"):
        count, _, rest = rest.partition(".")
        streams = f"{count} stream{'' if count == '1' else 's'}"
        title = f"Decode, {streams}" if kind == "decode" else f"/health while {streams} run"
    else:
        title = {
            "cold": "Cold start",
            "prefill": "Prefill of a long prompt",
            "ttft": "Time to first token, idle engine",
            "memory": "Resident memory at the end",
        }[kind]
    if rest.startswith("cpu_us."):
        return title, f"CPU of {rest.removeprefix('cpu_us.')}, µs/token"
    if rest.endswith("_mib"):
        return title, f"{rest.removesuffix('_mib')}, MiB"
    return title, dict(_UNITS).get(rest, rest)


def _is_comparable(figure: str) -> bool:
    """Whether a ratio to another target means something: not for shares, counts and processor time,
    which is split over different processes in each target."""
    unlike = ("strangers_share", "samples", "tokens_per_piece")
    return ".cpu_us." not in figure and not figure.endswith(unlike)


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2f}"
