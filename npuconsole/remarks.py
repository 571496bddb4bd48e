"""What the doctor says about one thing it looked at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Part(StrEnum):
    """What a remark is about, in the order in which a person reads it."""

    DEVICES = "Devices"
    MODELS = "Models"
    STORAGE = "Storage"
    NETWORK = "Network"
    SOFTWARE = "Software"


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing looked at. `is_well` None means: neither good nor bad. `command` is what a person
    can type to mend it, `can_be_fixed` that the doctor does it when asked."""

    subject: str
    words: str
    is_well: bool | None = True
    part: Part = Part.SOFTWARE
    command: str = ""
    can_be_fixed: bool = False
