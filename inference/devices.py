"""Discovery of the machine's devices. `discover()` is called by the appliance at start and by the
console and the admin on demand.

What the probe says (`inference.probing`) goes to the Device rows, with a policy row for each device
seen for the first time.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from django.db import transaction
from django.utils import timezone

from inference import absence
from inference.database import in_database_thread
from inference.models import Device, DevicePolicy
from inference.probing import Finding, probe

log = logging.getLogger(__name__)

CLASSES = ("NPU", "GPU", "CPU")
NOT_LOOKED_YET = "Not looked for yet."

DEFAULT_POLICIES: dict[str, dict[str, Any]] = {
    "NPU": {
        "priority": 10,
        "max_prompt_len": 4096,
        "min_response_len": 512,
        "max_engines": 1,
        "max_concurrent_requests": 1,
        "max_queued_requests": 512,
    },
    "GPU": {"priority": 20, "max_engines": 3, "max_concurrent_requests": 32},
    "CPU": {"priority": 30, "max_engines": 3, "max_concurrent_requests": 32},
}


def ensure_rows() -> None:
    """Create the three device rows and their policies where they are missing. Uses the ORM."""
    for name in CLASSES:
        device, _ = Device.objects.get_or_create(
            name=name, defaults={"absent_reason": NOT_LOOKED_YET}
        )
        _ensure_policy(device)


async def discover() -> tuple[str, ...]:
    """Ask OpenVINO, update the rows, and return the names of the devices present. Takes about a
    second; one discovery at a time. Raises ProbeFailed, and then leaves the rows as they were."""
    async with _one_at_a_time:
        findings = await probe()
        await in_database_thread(store, findings)
    return tuple(finding.name for finding in findings)


_one_at_a_time = asyncio.Lock()


def store(findings: list[Finding]) -> None:
    """Make the Device rows say what was found. Uses the ORM; one transaction."""
    found = {finding.name: finding for finding in findings}
    with transaction.atomic():
        for finding in findings:
            device, _ = Device.objects.update_or_create(
                name=finding.name,
                defaults={
                    "present": True,
                    "full_name": finding.full_name[:200],
                    "driver": finding.driver[:100],
                    "facts": finding.facts,
                    "absent_reason": "",
                    "discovered_at": timezone.now(),
                },
            )
            _ensure_policy(device)
        for device in Device.objects.exclude(name__in=found):
            device.present = False
            device.absent_reason = absence.explain(device.name, sorted(found))
            device.discovered_at = timezone.now()
            device.save()


def _ensure_policy(device: Device) -> None:
    """A policy for a device without one: like its class's (GPU for GPU.1), else the default."""
    if DevicePolicy.objects.filter(device=device).exists():
        return
    name = device.name.partition(".")[0]
    policy = DevicePolicy.objects.filter(device__name=name).first() or DevicePolicy(
        **DEFAULT_POLICIES[name]
    )
    policy.pk = None
    policy.device = device
    policy._state.adding = True
    policy.save()
