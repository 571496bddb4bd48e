"""Pull jobs between the start and the end of a server, without the server around them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from inference.catalog.progress import PullFrame

STARTER = "smollm2:135m"


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    """Run it between the start and the end of a server."""
    from inference.catalog import jobs

    async def served() -> None:
        await jobs.start()
        try:
            await scenario()
        finally:
            await jobs.close()

    asyncio.run(served())


async def read_all(name: str, *, anywhere: bool = False) -> list[PullFrame]:
    from inference.catalog import jobs

    return [frame async for frame in await jobs.pull(name, anywhere=anywhere)]


def statuses(frames: list[PullFrame]) -> list[str]:
    """The different lines, in order, without the importer's own steps."""
    seen = [frame.status for frame in frames if not frame.status.startswith("importing")]
    return list(dict.fromkeys(seen))


def rows() -> tuple[dict[str, str], dict[str, str]]:
    """Status by name, of models and of jobs."""
    from inference.models import Model, PullJob

    models = dict(Model.objects.values_list("name", "status"))
    return models, dict(PullJob.objects.values_list("model_name", "status"))


def forms() -> dict[str, list[tuple[str, list[str]]]]:
    """Weight format and device classes of each model's variants."""
    from inference.models import Model

    return {
        model.name: [(form.weight_format, form.device_classes) for form in model.variants.all()]
        for model in Model.objects.all()
    }
