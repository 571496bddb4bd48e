"""What the system endpoints say. They are asked without parameters."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

Word = Literal["ok", "starting", "degraded", "stopping"]


class Starter(BaseModel):
    """The model that a machine gets when it has none."""

    model: str
    step: str
    fraction: float
    error: str


class Health(BaseModel):
    """Whether requests can be served. `problems` says in words why the status is not "ok"."""

    status: Word
    step: str
    problems: list[str]
    real_inference: bool
    models: int
    loaded_models: list[str]
    running_requests: int
    queued_requests: int
    tokens_per_second: float
    uptime_seconds: float
    starter: Starter | None


class Engine(BaseModel):
    """One model on one device. `state` is loading, ready or stopping; `expires_at` is null while it
    is used or kept for ever. Sizes are bytes, `context_length` tokens."""

    model: str
    state: str
    emulated: bool
    loaded_at: str | None
    expires_at: str | None
    kept_forever: bool
    size_bytes: int
    memory_bytes: int
    context_length: int
    load_seconds: float
    running: int
    queued: int
    tokens_per_second: float


class Resting(BaseModel):
    """A model that failed on this device and is left alone; it is tried again after
    `seconds_left`. `reason` is one of the routing reasons, `text` is for people."""

    model: str
    reason: str
    text: str
    seconds_left: float


class Device(BaseModel):
    """One device, as discovered and as the owner wants it used. Limits are tokens."""

    name: str
    present: bool
    enabled: bool
    emulated: bool
    preferred: bool
    full_name: str
    driver: str
    absent_reason: str
    priority: int
    max_prompt_len: int | None
    min_response_len: int
    max_engines: int
    max_concurrent_requests: int
    engines: list[Engine]
    resting: list[Resting]


class Devices(BaseModel):
    """Every device, and the rule that picks one."""

    devices: list[Device]
    preferred_device: str
    fallback_device: str
    token_limit: int
