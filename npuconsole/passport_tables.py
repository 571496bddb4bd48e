"""Passports on a terminal: one table of pairs, one of prompt lengths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.table import Table


def tables(passports: Sequence[Mapping[str, Any]]) -> Iterator[Table]:
    """What to print of passports as the API gives them."""
    pairs = Table("Model", "Device", "State", "Verified to", "Cold", "Warm", "Memory", "Remark")
    lengths = Table("Model", "Device", "Prompt", "First token", "Decode", "As the CPU")
    for place in (3, 4, 5, 6):
        pairs.columns[place].justify = "right"
    for place in (2, 3, 4, 5):
        lengths.columns[place].justify = "right"
    for passport in passports:
        model, device = passport["model"], _device(passport)
        pairs.add_row(
            model,
            device,
            "stale" if passport["is_stale"] else passport["status"],
            f"{passport['verified_prompt_tokens']:,} tokens",
            f"{passport['cold_load_seconds']:.1f} s",
            f"{passport['warm_load_seconds']:.1f} s",
            f"{passport['memory_bytes'] / 1e6:,.0f} MB",
            passport["reason"],
        )
        for bucket in passport["buckets"]:
            lengths.add_row(model, device, *_cells(bucket))
        lengths.add_section()
    yield pairs
    yield lengths


def _device(passport: Mapping[str, Any]) -> str:
    return f"{passport['device']} (emulated)" if passport["emulated"] else str(passport["device"])


def _cells(bucket: Mapping[str, Any]) -> tuple[str, str, str, str]:
    seconds, compared = bucket["ttft_seconds"], bucket["compared_tokens"]
    agreed = f"{bucket['agreed_tokens']} of {compared}" if compared else "not compared"
    return (
        f"{bucket['prompt_tokens']:,} tokens",
        f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms",
        f"{bucket['decode_tokens_per_second']:.1f} tok/s",
        agreed if bucket["is_verified"] else f"{agreed}: no",
    )
