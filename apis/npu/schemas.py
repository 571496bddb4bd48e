"""What clients of /api/npu send and get. Times are seconds, lengths are tokens."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from apis.limits import MOST_MESSAGES

State = Literal["running", "finished", "cancelled", "failed"]
Role = Literal["system", "user", "assistant", "tool"]


class Body(BaseModel):
    """Base of every body: unknown fields are ignored, null counts as absent."""

    model_config = ConfigDict(strict=True, extra="ignore", protected_namespaces=())


class PullReport(BaseModel):
    """One pull. `status` is queued, downloading, importing, paused, done, failed or cancelled;
    `step` says in words what it does, `fraction` how much of all of it is done, 0 to 1; the bytes
    are those of its downloads. Times are ISO 8601, `finished_at` null until it is over."""

    id: int
    model: str
    status: str
    step: str
    total_bytes: int
    completed_bytes: int
    fraction: float
    error: str
    created_at: str
    finished_at: str | None


class PullReports(BaseModel):
    """The newest pulls first."""

    pulls: list[PullReport]


class RouteMessage(Body):
    """One turn of the conversation to be routed."""

    role: Role
    content: str = ""


class RouteBody(Body):
    """POST /api/npu/route: `messages`, or a `prompt`, which becomes the message of a user unless it
    is `raw`. `num_predict` is Ollama's name for `max_tokens`; `needs` are tools, schema, logprobs,
    images, several_answers, beams; `prefer_device` is written as in X-NPU-Proxy-Prefer-Device."""

    model: str | None = None
    prompt: str | None = None
    raw: bool | None = None
    messages: Annotated[list[RouteMessage], Field(max_length=MOST_MESSAGES)] | None = None
    max_tokens: int | None = None
    num_predict: int | None = None
    num_ctx: int | None = None
    needs: list[str] | None = None
    prefer_device: str | None = None

    @property
    def name(self) -> str:
        """The model's name, "" if there is none."""
        return self.model or ""


class RoutedDevice(BaseModel):
    """One device's part in a decision. `place` is its turn among those to be tried, from 1, null if
    it would not be. `reason` says what speaks against it, null if nothing does; `words` tell a
    person. `limit` is the longest prompt it takes of this request, `capacity` what prompt and
    answer may have together, `verified_prompt_tokens` null without a passport, as is
    `predicted_seconds`, which counts from receipt to the last token. `state` is cold, loading or
    ready; `running` and `queued` are requests."""

    device: str
    emulated: bool
    would_run: bool
    place: int | None
    reason: str | None
    words: str
    limit: int
    capacity: int
    verified_prompt_tokens: int | None
    predicted_seconds: float | None
    state: str
    running: int
    queued: int


class Refusal(BaseModel):
    """What the client would be told instead of an answer."""

    code: str
    error: str


class RoutePreview(BaseModel):
    """What would happen to a request. `prompt_tokens` is exact unless `is_exact` is false;
    `requested_tokens` null means as many as the model wants. `device` is where it would run, null
    if it would be refused; `meanwhile` the one that would answer just now in its place, because it
    is still to be loaded or has no place free; `routed_device` is what the rule picks where
    everything works."""

    model: str
    prompt_tokens: int
    is_exact: bool
    requested_tokens: int | None
    mode: str
    token_limit: int
    device: str | None
    meanwhile: str | None
    routed_device: str | None
    reason: str
    words: str
    explanation: str
    refusal: Refusal | None
    devices: list[RoutedDevice]


class CalibrateBody(Body):
    """POST /api/npu/calibrate: what is to be measured; absent means all there are."""

    model: str | None = None
    device: str | None = None
    stream: bool | None = None


class CompressBody(Body):
    """POST /api/npu/models/compress: other weights for an installed model. `to` is int8, int4 or
    npu; with a `name` it becomes a model of its own; `force` publishes it whatever quality it
    loses."""

    model: str | None = None
    to: str | None = None
    name: str | None = None
    force: bool | None = None
    stream: bool | None = None


class ConvertBody(Body):
    """POST /api/npu/models/convert: OpenVINO's form of what other tools made. `source` is a hub's
    org/name, or a folder; `to` is fp16, int8, int4 or npu."""

    source: str | None = None
    to: str | None = None
    name: str | None = None
    force: bool | None = None
    stream: bool | None = None


class Bucket(BaseModel):
    """What was measured at one prompt length. `agreed_tokens` of `compared_tokens` were the CPU's
    up to the first difference."""

    prompt_tokens: int
    agreed_tokens: int
    compared_tokens: int
    is_verified: bool
    ttft_seconds: float
    decode_tokens_per_second: float


class Passport(BaseModel):
    """What calibration found of a model on a device. `is_stale`: a version has changed since, so
    routing does not rely on it. `reason` says why it failed, or what was left out."""

    model: str
    device: str
    emulated: bool
    status: Literal["verified", "failed"]
    reason: str
    weight_format: str
    versions: dict[str, Any]
    verified_prompt_tokens: int
    cold_load_seconds: float
    warm_load_seconds: float
    memory_bytes: int
    buckets: list[Bucket]
    is_stale: bool
    calibrated_at: str


class Passports(BaseModel):
    """All of them, by model and device."""

    passports: list[Passport]


class Step(BaseModel):
    """One device that was passed over or tried. `error` is "" where it served; `tokens` are those
    of the answer that came from it."""

    device: str
    reason: str
    words: str
    error: str
    tokens: int


class Times(BaseModel):
    """`total_seconds` counts from receipt to the last token, or to now while it runs; what is not
    known yet is null. `predicted_seconds` is what the passports promised for it."""

    queue_seconds: float | None
    load_seconds: float | None
    prefill_seconds: float | None
    decode_seconds: float | None
    ttft_seconds: float | None
    total_seconds: float
    predicted_seconds: float | None


class Place(BaseModel):
    """In the line for an engine: `position` from 1, `seconds` until its turn, about."""

    position: int
    seconds: float


class Tokens(BaseModel):
    """`prompt` is null until they are counted."""

    prompt: int | None
    completion: int


class Receipt(BaseModel):
    """Where an answer ran, and why. `outcome` is stop, length, cancelled or an error's code, null
    while it runs; `waiting` is null unless it waits in a line. `devices` are those that tokens came
    from, in order: two after a failover, whose client was told only of the first. `emulated` are
    those among all named here that are emulated."""

    id: str
    state: State
    waiting: Place | None
    outcome: str | None
    error: str | None
    received_at: str
    family: str
    endpoint: str
    model: str
    routed_device: str | None
    execution_device: str | None
    devices: list[str]
    emulated: list[str]
    reason: str | None
    fallback_reason: str | None
    explanation: str | None
    chain: list[Step]
    times: Times
    tokens: Tokens
    ignored: list[str]


class Cancelled(BaseModel):
    """A request that was ended from outside: how far it was. `device` is "" if it still waited."""

    id: str
    model: str
    device: str
    tokens: int


class Receipts(BaseModel):
    """The newest requests, those under way first."""

    requests: list[Receipt]


class FitVerdict(BaseModel):
    """Whether one device can run a model. `is_present` false: the verdict is for one that this
    machine has not. `tokens` is the longest prompt and answer together, `max_prompt` the static
    prompt length of an NPU's engine; both 0 where there is none. Sizes are bytes."""

    device: str
    is_present: bool
    emulated: bool
    verdict: Literal["fits", "fits with limits", "does not fit", "cannot tell"]
    reason: str
    tokens: int
    max_prompt: int
    memory_bytes: int
    kv_bytes_per_token: int


class FitDisk(BaseModel):
    """What a pull needs at its peak, 0 for an installed model, and what is free. Bytes."""

    needed_bytes: int
    free_bytes: int
    is_enough: bool


class FitAnswer(BaseModel):
    """What the planner found of a model before its weights are here. `recipe` is how the weights
    are compressed, in words; `npu_export` the repository to pull instead for an NPU, null when this
    one is good or none is known. `parameters` and `context` are 0 when nothing tells them."""

    model: str
    kind: str
    architecture: str
    parameters: int
    context: int
    format: str
    recipe: str
    download_bytes: int
    loaded_bytes: int
    disk: FitDisk
    npu_export: str | None
    devices: list[FitVerdict]
