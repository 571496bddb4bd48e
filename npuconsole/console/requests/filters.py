"""Which requests the log's page shows: the filters, and how they stand in its address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

LONGEST_VALUE = 250
REQUEST_ID = re.compile(r"req_[0-9a-f]{24}(_\d{1,2})?")
FAMILIES = {
    "ollama": "Ollama",
    "openai": "OpenAI",
    "anthropic": "Anthropic",
    "console": "Console",
}
WINDOWS = {
    "1h": ("Last hour", timedelta(hours=1)),
    "24h": ("Last 24 hours", timedelta(hours=24)),
    "7d": ("Last 7 days", timedelta(days=7)),
    "30d": ("Last 30 days", timedelta(days=30)),
}
FINISHED, FAILED = "finished", "failed"
"""Groups of outcomes beside the exact ones: an answer to its end, and none."""
NO_DEVICE = "none"


@dataclass(frozen=True, slots=True)
class Filters:
    """All texts, "" for any. `device` may be NO_DEVICE, `outcome` FINISHED, FAILED or an exact one,
    `client` an address or a request's id, `time` a key of WINDOWS."""

    model: str = ""
    device: str = ""
    family: str = ""
    client: str = ""
    outcome: str = ""
    time: str = ""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Filters:
        """The filters in an address; values that cannot be are left out."""
        found = {
            name: query.get(name, "").strip().replace("\x00", "")[:LONGEST_VALUE]
            for name in cls.__dataclass_fields__
        }
        if found["family"] not in FAMILIES:
            found["family"] = ""
        if found["time"] not in WINDOWS:
            found["time"] = ""
        return cls(**found)

    @property
    def is_any(self) -> bool:
        """Whether nothing is filtered."""
        return self == Filters()

    @property
    def request_id(self) -> str:
        """The request that is looked for by its id, "" if none is."""
        return self.client if REQUEST_ID.fullmatch(self.client) else ""

    def since(self, now: datetime) -> datetime | None:
        """The oldest receipt time that is shown."""
        return now - WINDOWS[self.time][1] if self.time else None

    def address(self, **more: str) -> str:
        """What stands behind the page's path: "?device=NPU", or "" for no filter at all."""
        said = {name: value for name, value in {**asdict(self), **more}.items() if value}
        return f"?{urlencode(said)}" if said else ""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in the log, between rows: received at, then the row's number."""

    received_at: datetime
    pk: int

    @classmethod
    def read(cls, text: str) -> Cursor | None:
        """The place that an address names: microseconds since 1970, a hyphen, the row. None for
        anything else."""
        if not re.fullmatch(r"[0-9]{1,17}-[0-9]{1,18}", text):
            return None
        microseconds, _, pk = text.partition("-")
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(microseconds))
        return cls(moment, int(pk))

    def __str__(self) -> str:
        passed = self.received_at - datetime(1970, 1, 1, tzinfo=UTC)
        return f"{passed // timedelta(microseconds=1)}-{self.pk}"
