"""The chores of the pages of the models, each as work for the board."""

from __future__ import annotations

import contextlib

from inference import dispatch, upkeep
from inference.calibration import runs
from inference.catalog.names import parse_name
from inference.upkeep import Verified
from npuconsole.console.figures import counted
from npuconsole.console.models.chores import ChoreFailed, Tell, Work


def loading(model: str, device: str) -> Work:
    """Have that pair loaded; that it is can be seen."""

    async def work(tell: Tell) -> str:
        await dispatch.warm(model, device)
        return ""

    return work


def unloading(model: str) -> Work:
    """Unload it from every device, each when its answers under way are done."""

    async def work(tell: Tell) -> str:
        tell("As soon as its answers under way are done", 0.0)
        await dispatch.unload(model)
        return ""

    return work


def verifying(model: str, *, repull: bool = False) -> Work:
    """Read every byte of the model; with `repull` fetch again what is damaged."""

    async def work(tell: Tell) -> str:
        end: Verified | None = None
        async with contextlib.aclosing(upkeep.verify(parse_name(model), repull=repull)) as steps:
            async for step in steps:
                if isinstance(step, Verified):
                    end = step
                else:
                    share = step.completed / step.total if step.total else 0.0
                    tell(step.status[:1].upper() + step.status[1:], share)
        assert end is not None, "a verification ends with what it found, or raises"
        words = describe_verified(end)
        if not end.is_well:
            raise ChoreFailed(words)
        return words

    return work


def measuring(model: str, device: str) -> Work:
    """Calibrate that pair."""

    async def work(tell: Tell) -> str:
        async with contextlib.aclosing(runs.run(model, device)) as updates:
            async for update in updates:
                if isinstance(update, runs.Done):
                    return "" if update.passports else "Nothing was measured."
                tell(update.words[:1].upper() + update.words[1:], 0.0)
        return ""

    return work


def describe_verified(end: Verified) -> str:
    """What a verification found, in a sentence or two."""
    files = [file for check in end.checks for file in check.files]
    forms = counted(len(end.checks), "form")
    if end.pulled:
        state = "is whole again" if end.is_well else "is still not whole"
        return f"Pulled again: it {state}."
    if end.is_well:
        return f"Whole: {counted(len(files), 'file')} of {forms}, every byte as installed."
    wrong = [f"{file.name} is {file.state}" for file in files if file.state != "ok"]
    told = ", ".join(wrong[:4]) or "its files are not there"
    return f"Damaged: {told}. It is out of use; pull it again to mend it."
