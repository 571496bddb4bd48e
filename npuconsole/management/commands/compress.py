"""`python manage.py compress MODEL --to npu`: other weights for an installed model."""

from __future__ import annotations

from typing import Any

from inference import conversions
from inference.catalog.jobs import PullWatch
from npuconsole.making_command import MakingCommand


class Command(MakingCommand):
    """Eight bits, four bits, or what an NPU wants."""

    help = "Make other weights of an installed model: int8, int4 or npu."
    path = "/api/npu/models/compress"
    subject = "model"

    async def begin(self, options: dict[str, Any]) -> PullWatch:
        """Start it in this process."""
        return await conversions.compress(
            options["model"], options["to"], options["name"], is_forced=options["force"]
        )
