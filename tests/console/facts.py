"""What the tests of the picture build it from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from inference.catalog.starter import StarterState
from inference.records import RecordDraft
from inference.snapshot import DeviceInfo, ModelInfo, Snapshot, VariantInfo
from npuconsole.console.state import Facts, Picture, draw_picture

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
STARTER = "smollm2:135m"


def a_device(name: str = "CPU", **changes: Any) -> DeviceInfo:
    facts: dict[str, Any] = {
        "name": name,
        "present": True,
        "enabled": True,
        "emulated": False,
        "full_name": f"Some {name}",
        "driver": "",
        "absent_reason": "",
        "priority": 10,
        "max_prompt_len": None,
        "min_response_len": 512,
        "max_engines": 3,
        "max_concurrent_requests": 32,
        "max_queued_requests": 512,
    }
    return DeviceInfo(**(facts | changes))


def an_engine(device: str = "CPU", state: str = "ready", **changes: Any) -> Any:
    facts = {
        "model": STARTER,
        "device": device,
        "state": state,
        "wanted_at": NOW - timedelta(seconds=4),
        "expires_at": NOW + timedelta(minutes=5),
        "is_kept_forever": False,
        "memory_bytes": 400_000_000,
        "running": 0,
        "queued": 0,
    }
    return SimpleNamespace(**(facts | changes))


def a_model(name: str = STARTER, status: str = "ready") -> ModelInfo:
    return ModelInfo(
        id=1,
        name=name,
        status=status,
        family="llama",
        digest="0" * 64,
        size_bytes=104_000_000,
        parameter_count=135_000_000,
        quantization="Q4_1",
        context_length=8192,
        capabilities=("completion",),
        modified_at=NOW,
        variants=(VariantInfo(1, Path("x"), "int8", 104_000_000),),
        facts={},
        chat_template="",
    )


def a_decision(**changes: Any) -> RecordDraft:
    facts: dict[str, Any] = {
        "request_id": "req_1",
        "received_at": NOW - timedelta(seconds=10),
        "family": "ollama",
        "endpoint": "/api/chat",
        "model_name": STARTER,
        "outcome": "stop",
        "execution_device": "CPU",
        "explanation": "1,912 tokens: over the NPU's limit of 1,800, so CPU",
        "fallback_reason": "",
        "completion_tokens": 21,
        "decode_seconds": 0.5,
        "ttft_seconds": 0.2,
        "total_seconds": 1.0,
    }
    return RecordDraft(**(facts | changes))


def draw(**changes: Any) -> Picture:
    facts: dict[str, Any] = {
        "at": NOW,
        "version": "0.1.0",
        "starting_step": "",
        "snapshot": Snapshot(),
        "engines": (),
        "requests": (),
        "waiting": (),
        "resting": (),
        "decisions": (),
        "pulls": (),
        "starter": StarterState(STARTER),
        "usual_loads": {},
        "calibration": None,
        "running": 0,
        "queued": 0,
        "rates": {},
        "sample": None,
        "free_bytes": 10**11,
        "platform": "linux",
    }
    return draw_picture(Facts(**(facts | changes)))
