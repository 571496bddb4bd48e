"""OpenVINO's error texts, cut down to what a client may read."""

from __future__ import annotations

import re

_SOURCE_PLACE = re.compile(r"^(\[[\d:]+\]\s*)?\S+\.(?:cc|cpp|hpp|h):\d+:\s*")


def readable(error: BaseException) -> str:
    """The last line without times and source paths: the first lines hold only places in the
    code."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return _SOURCE_PLACE.sub("", lines[-1]) if lines else type(error).__name__
