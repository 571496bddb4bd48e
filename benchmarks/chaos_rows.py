"""Makes the rows that the chaos run wants: the model pinned to two devices, both computing in f32.

`python -m benchmarks.chaos_rows MODEL DEVICE DEVICE` with the appliance's NPUCONSOLE_HOME, while no
server uses it. Rows take Django, which has no place in the processes that are measured.
"""

from __future__ import annotations

import os
import sys

F32 = {"INFERENCE_PRECISION_HINT": "f32"}


def main() -> None:
    """Idempotent."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "npuconsole.settings")
    import django

    django.setup()
    from django.core.management import call_command

    from inference import configuration
    from inference.models import Device, DevicePolicy, Model, PinnedPair

    call_command("migrate", verbosity=0)
    configuration.ensure_default_rows()
    model_name, *devices = sys.argv[1:]
    model = Model.objects.get(name=model_name)
    for name in devices:
        device = Device.objects.get(name=name)
        PinnedPair.objects.get_or_create(model=model, device=device)
        DevicePolicy.objects.filter(device=device).update(engine_properties=F32)


if __name__ == "__main__":
    main()
