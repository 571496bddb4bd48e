"""What the doctor says in the console: the machine, the devices as the server knows them, and the
catalogue. Blocks; called in a view's thread."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from inference import snapshot
from inference.upkeep import Treatment
from npuconsole import doctor, listening, machine_check
from npuconsole.console.words import describe_absence
from npuconsole.remarks import Part, Remark


@dataclass(frozen=True, slots=True)
class Round:
    """All remarks about one part."""

    part: str
    remarks: tuple[Remark, ...]


def rounds(treatments: Iterable[Treatment]) -> tuple[Round, ...]:
    """Everything, the parts in order, what must be mended first in each."""
    remarks = list(all_remarks(treatments))
    rank = {False: 0, None: 1, True: 2}
    return tuple(
        Round(
            part.value,
            tuple(
                sorted(
                    (remark for remark in remarks if remark.part is part),
                    key=lambda remark: rank[remark.is_well],
                )
            ),
        )
        for part in Part
    )


def all_remarks(treatments: Iterable[Treatment]) -> Iterator[Remark]:
    """In the order of looking."""
    yield from _devices()
    yield from machine_check.hardware()
    yield from _catalogue(treatments)
    yield from machine_check.storage()
    place = listening.place()
    if place is not None:
        yield machine_check.listens_at(place)
    yield from machine_check.software()
    yield from machine_check.variables()


def verdict(found: Sequence[Round]) -> str:
    """The whole in one sentence."""
    wrong = sum(remark.is_well is False for each in found for remark in each.remarks)
    if not wrong:
        return "Nothing needs you."
    return "One thing needs you." if wrong == 1 else f"{wrong} things need you."


def _devices() -> Iterator[Remark]:
    for device in snapshot.current().devices:
        if device.present:
            remark = machine_check.present(device.name, device.full_name, device.driver)
            if device.emulated:
                remark = replace(remark, words=f"Emulated: {remark.words}", is_well=None)
            yield remark
            continue
        why, fix = describe_absence(device.device_class, device.absent_reason, sys.platform)
        yield Remark(
            device.name,
            f"{why} {fix.words}" if fix else why,
            False if device.name == "CPU" else None,
            Part.DEVICES,
            fix.command if fix else "",
        )


def _catalogue(treatments: Iterable[Treatment]) -> Iterator[Remark]:
    found = [
        doctor.of_catalogue(
            {
                **asdict(treatment.finding),
                "can_be_fixed": treatment.finding.fix is not None,
                "done": treatment.done,
            },
            hint="",
        )
        for treatment in treatments
    ]
    yield from found or [doctor.all_in_place()]
