"""One request's way along its devices: a place, a run, and the next device when that one fails.

`dispatch` starts it, `generation` asks it to go on when an engine dies midway. Before the first
token a failure is invisible: the next engine begins anew. After it the next engine goes on behind
the tokens that are there, with what is left of the budget.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from inference import planning
from inference.errors import (
    EngineFailed,
    EngineTooSlow,
    InferenceError,
    InferenceTimeout,
    NoDevice,
    ServerBusy,
)
from inference.journal import RunningRequest
from inference.planning import Plan
from inference.prediction import can_predict, predict_seconds
from inference.reports import report_route
from inference.requests import ChainStep, GenerationRequest, Grammar, RouteReport
from inference.residency.placement import NoPlace, Option, Passed, Placement
from inference.residency.process import Patience
from inference.residency.residents import Residency
from inference.residency.scheduling import Overflow
from inference.residency.spec import EngineSpec
from inference.router import WORDS, Reason
from inference.run import EngineRun, RunLimits
from inference.snapshot import DeviceInfo, Snapshot
from inference.worker.protocol import Chunk, EngineRequest

log = logging.getLogger(__name__)

TRIES_PER_DEVICE = 3
TRIES_ONCE_BEGUN = 8
"""A device on which an answer made no progress this often in a row is not asked again for it. One
that has tokens is no request that kills engines, so it may meet more of other people's deaths."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an answer is: its tokens, the characters of text that came with them, and the grammar
    that holds the rest (None = nothing holds it)."""

    token_ids: tuple[int, ...] = ()
    sent_characters: int = 0
    grammar: Grammar | None = None


class Relay:
    """Owned by one `request`. `plan` is what was settled for it, `steps` the chain so far."""

    def __init__(
        self,
        request: GenerationRequest,
        plan: Plan,
        picture: Snapshot,
        residency: Residency,
        entry: RunningRequest,
    ) -> None:
        self.steps = list(_passed_over(plan))
        self.request = request
        self.plan = plan
        self._picture = picture
        self._residency = residency
        self._entry = entry
        self._capacity = {c.device: c.capacity for c in plan.route.candidates}
        self._fruitless: Counter[str] = Counter()
        self._given_up: set[str] = set()
        self._has_begun = False
        self._limits: RunLimits | None = None
        self._last_error: InferenceError | None = None

    async def run(self, progress: Progress) -> tuple[EngineRun, list[Chunk]]:
        """A run on the first device that works, with its first chunks.

        Raises NoDevice, ServerBusy, or the error of the last engine that was tried.
        """
        while True:
            placement = await self._place(progress)
            device = placement.option.spec.device
            self._entry.device = device
            try:
                return await self._begin(placement, self._engine_request(device, progress))
            except (EngineFailed, EngineTooSlow) as error:
                self.note_failure(device, error, tokens=0)

    def note_served(self, device: str, tokens: int) -> None:
        """The answer's last part came from there."""
        self.steps.append(ChainStep(device, str(self.plan.route.reason), "", tokens))

    def note_failure(
        self,
        device: str,
        error: EngineFailed | EngineTooSlow,
        *,
        tokens: int,
        is_final: bool = False,
    ) -> None:
        """An engine failed after so many tokens of this answer. `is_final`: never again there."""
        log.warning("%s: %s on %s", self.request.request_id, error, device)
        self._last_error = error
        self.steps.append(ChainStep(device, error.reason, str(error), tokens))
        self._fruitless[device] = 0 if tokens else self._fruitless[device] + 1
        self._has_begun = self._has_begun or tokens > 0
        most = TRIES_ONCE_BEGUN if self._has_begun else TRIES_PER_DEVICE
        is_slow = isinstance(error, EngineTooSlow)
        if is_final or is_slow or self._fruitless[device] >= most:
            self._given_up.add(device)

    def blame(self, device: str, reason: Reason, text: str) -> None:
        """Tell the residency that this pair cannot be relied on."""
        self._residency.health.note_crash(self._option(device).spec, reason, text)

    def report(self, device: str) -> RouteReport:
        """Where the answer runs, and why, as far as it is known now."""
        return report_route(self.plan, self._picture, device, self.steps)

    def predicted_seconds(self, device: str, tokens: int, wait_seconds: float) -> float | None:
        """What the pair's passport promised for so many tokens after that wait; None without."""
        passport = self._picture.passports.get((self.plan.model.name, device))
        if passport is None or not can_predict(passport):
            return None
        return predict_seconds(passport, len(self.plan.prompt_ids), tokens, wait_seconds)

    async def place(self) -> Placement:
        """A place for work that is no generation: the caller submits it, and releases the slot."""
        return await self._place(Progress())

    async def place_only(self) -> Placement:
        """A place on the first device that loads; another one that is ready will not do."""
        return await self._place(Progress(), may_bridge=False)

    async def _begin(
        self, placement: Placement, request: EngineRequest
    ) -> tuple[EngineRun, list[Chunk]]:
        """Submit and wait for the first chunk. Whatever goes wrong, the slot is given back."""
        if self._limits is None:  # waiting for a load or in a line is not the answer's time
            self._limits = RunLimits.of(self._picture.settings)
        try:
            run = EngineRun(placement.slot, request, self._limits)
        except BaseException:
            placement.slot.release(was_used=False)
            raise
        try:
            return run, await run.next_batch()
        except BaseException:
            run.end()
            raise

    async def _place(self, progress: Progress, *, may_bridge: bool = True) -> Placement:
        options = [
            self._option(device)
            for device in self._capacity
            if device not in self._given_up and self._fits(device, progress)
        ]
        if not options:
            raise self._no_device(None)
        model = self.plan.model
        try:
            placement = await self._residency.acquire(
                options,
                client=self.request.turn or self.request.client,
                request_id=self.request.request_id,
                keep_alive_seconds=planning.keep_alive_of(
                    self.request.keep_alive_seconds, model, self._picture
                ),
                patience=patience_of(self._picture),
                may_bridge=may_bridge and self._may_bridge,
            )
        except NoPlace as nowhere:
            self._note_passed(nowhere.passed)
            if any(self._option(option.spec.device) != option for option in options):
                return await self._place(progress, may_bridge=may_bridge)  # another variant
            raise self._no_device(nowhere) from None
        self._note_passed(placement.passed)
        return placement

    @property
    def _may_bridge(self) -> bool:
        """Who wishes for a device waits for its load, but not for its resurrection."""
        return self.request.wish is None or self._last_error is not None

    def _fits(self, device: str, progress: Progress) -> bool:
        """Whether what is there already leaves room for more on that device."""
        if not progress.token_ids:
            return True
        there = len(self.plan.prompt_ids) + len(progress.token_ids)
        spec = self.plan.specs[device][0]
        return there <= spec.longest_prompt and there < self._capacity[device]

    def _note_passed(self, passed: Sequence[Passed]) -> None:
        known = {(step.device, step.reason) for step in self.steps}
        self.steps += [
            ChainStep(one.device, str(one.reason), one.text)
            for one in passed
            if (one.device, str(one.reason)) not in known
        ]

    def _option(self, device_name: str) -> Option:
        """The pair with the first of its variants that did not fail to load lately."""
        device = self._picture.device(device_name)
        assert device is not None, "candidates come from this picture"
        specs = self.plan.specs[device_name]
        sound = (spec for spec in specs if not self._residency.health.is_load_failing(spec))
        return option_for(next(sound, specs[0]), device)

    def _engine_request(self, device: str, progress: Progress) -> EngineRequest:
        plan, grammar = self.plan, progress.grammar
        sampling = plan.sampling
        room = self._capacity[device] - len(plan.prompt_ids)
        budget = min(sampling.max_tokens or room, room)
        return EngineRequest(
            number=0,
            ids=list(plan.prompt_ids),
            max_new_tokens=max(1, budget - len(progress.token_ids)),
            temperature=sampling.temperature or 0.0,
            top_p=sampling.top_p or 1.0,
            top_k=sampling.top_k or 0,
            min_p=sampling.min_p or 0.0,
            seed=sampling.seed or 0,
            repetition_penalty=sampling.repetition_penalty or 1.0,
            presence_penalty=sampling.presence_penalty or 0.0,
            frequency_penalty=sampling.frequency_penalty or 0.0,
            stop=list(sampling.stop or ()),
            # After its end a grammar only makes garbage.
            ignore_eos=bool(sampling.ignore_eos) and grammar is None,
            grammar=(grammar.kind, grammar.text) if grammar else None,
            wants_logprobs=self.request.logprobs is not None,
            produced=list(progress.token_ids),
            sent_characters=progress.sent_characters,
        )

    def _no_device(self, nowhere: NoPlace | None) -> InferenceError:
        if isinstance(self._last_error, InferenceTimeout):
            return self._last_error
        if nowhere is not None and nowhere.retry_after_seconds is not None:
            return ServerBusy(retry_after_seconds=nowhere.retry_after_seconds)
        if self._last_error is not None:
            return EngineFailed(str(self._last_error))
        told = [step for step in self.steps if step.error]
        text = "; ".join(dict.fromkeys(f"{step.device}: {step.error}" for step in told))
        return NoDevice(
            f"no device could run the model ({text})",
            chain=tuple((step.device, step.reason) for step in told),
        )


def option_for(spec: EngineSpec, device: DeviceInfo) -> Option:
    """That pair with its device's limits."""
    return Option(
        spec,
        Overflow(device.overflow),
        device.max_queued_requests,
        device.max_engines,
        device.memory_budget_bytes,
    )


def patience_of(picture: Snapshot) -> Patience:
    """How long the owner lets engines take."""
    settings = picture.settings
    return Patience(settings.load_timeout_seconds, settings.heartbeat_timeout_seconds)


def _passed_over(plan: Plan) -> list[ChainStep]:
    """The devices the router left out, as the chain's first steps."""
    candidates = {candidate.device for candidate in plan.route.candidates}
    words = dict(plan.route.notes)
    return [
        ChainStep(device, str(reason), words.get(device) or WORDS[reason])
        for device, reason in plan.route.passed_over
        if device not in candidates
    ]
