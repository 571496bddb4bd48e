"""`python manage.py convert ORG/NAME --to npu`: OpenVINO's form of safetensors."""

from __future__ import annotations

from typing import Any

from inference import conversions
from inference.catalog.jobs import PullWatch
from npuconsole.making_command import MakingCommand


class Command(MakingCommand):
    """From a hub's repository or a folder; the owner's own command may name any folder."""

    help = "Make an OpenVINO model of safetensors: fp16, int8, int4 or npu."
    path = "/api/npu/models/convert"
    subject = "source"

    async def begin(self, options: dict[str, Any]) -> PullWatch:
        """Start it in this process."""
        return await conversions.convert(
            options["source"],
            options["to"],
            options["name"],
            is_forced=options["force"],
            anywhere=True,
        )
