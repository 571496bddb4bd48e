"""New forms of models, for the API families and the command line: other weights for what is
installed, and OpenVINO's form of what other tools made. On the event loop."""

from __future__ import annotations

import asyncio

from inference import configuration, dispatch
from inference.catalog import jobs
from inference.catalog.conversion import order as conversion
from inference.catalog.copies import NO_PRESETS, Presets
from inference.catalog.jobs import PullWatch
from inference.catalog.names import parse_name
from inference.catalog.recompression import order as recompression
from inference.catalog.recompression.targets import Target, read_target

TARGETS = tuple(Target)
"""What an installed model can be compressed to."""


async def compress(
    model: str,
    to: str,
    name: str = "",
    *,
    is_forced: bool = False,
    presets: Presets = NO_PRESETS,
) -> PullWatch:
    """Start making other weights of an installed model, as a form of it or as the new model `name`,
    with other presets or its own.

    Raises ModelNotFound, ModelNotReady, InvalidRequest (ExtraMissing among them) and
    CapabilityMissing at once; the watch raises PullFailed for what goes wrong later.
    """
    target = read_target(to)
    await configuration.refresh()  # a model that was pulled a moment ago counts
    found = dispatch.resolve_model(model)
    wanted = parse_name(name) if name else None
    making = await asyncio.to_thread(
        recompression.order, found, target, wanted, is_forced=is_forced, presets=presets
    )
    return await jobs.make(making)


async def convert(
    source: str, to: str, name: str = "", *, is_forced: bool = False, anywhere: bool = False
) -> PullWatch:
    """Start converting a repository or folder with safetensors; `anywhere` lets it be any folder of
    this machine. Raises InvalidRequest (ExtraMissing among them), UnknownModel at once; the watch
    raises PullFailed for what goes wrong later."""
    wanted = parse_name(name) if name else None
    making = await asyncio.to_thread(
        conversion.order,
        source,
        to,
        wanted,
        is_forced=is_forced,
        drop=jobs.models_folder().drop,
        anywhere=anywhere,
    )
    return await jobs.make(making)
