"""The export of the same model that an NPU takes, by the names that exports have."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

_ORGANISATION = "OpenVINO"
_RECIPE = re.compile(
    r"[-_.](int4|int8|fp16|bf16|nf4|gguf|awq|gptq)([-_.](cw|sym|asym|g\d+))*([-_.]ov)?$",
    re.IGNORECASE,
)


def nearest_for_npu(
    repository: str,
    candidates: Sequence[str] = (),
    exists: Callable[[str], bool | None] = lambda _: None,
) -> str:
    """The repository of the NPU's form of `repository`, "" if none is known.

    `candidates` are exports known to be good, best first; those of another model are passed over.
    `exists` asks the hub and answers None when it cannot be asked: then the name that follows from
    the OpenVINO organisation's habit is believed, if `repository` is one of theirs.
    """
    own = base_of(repository)
    for candidate in candidates:
        if base_of(candidate) == own and candidate.lower() != repository.lower():
            return candidate
    made = f"{_ORGANISATION}/{_stem(repository)}-int4-cw-ov"
    if made.lower() == repository.lower():
        return ""
    found = exists(made)
    is_theirs = repository.lower().startswith(f"{_ORGANISATION.lower()}/")
    return made if found or (found is None and is_theirs) else ""


def base_of(repository: str) -> str:
    """What all exports of one model have in common: `Qwen3-4B` in lower case."""
    return _stem(repository).lower()


def _stem(repository: str) -> str:
    return _RECIPE.sub("", repository.rpartition("/")[2])
