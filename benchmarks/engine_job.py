"""Prints the job that the appliance would give the engine of a model on a device, as one line.

`python -m benchmarks.engine_job MODEL DEVICE` with the appliance's NPUCONSOLE_HOME. Reading rows
takes Django, which has no place in the processes that are measured: it has a process of its own.
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Exit code 1 with one line on standard error when there is no such model."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "npuconsole.settings")
    import django

    django.setup()
    from inference import configuration, planning
    from inference.errors import InferenceError
    from inference.residency.compiled import compiled_folder
    from inference.worker.protocol import encode_job

    model_name, device = sys.argv[1:]
    picture = configuration.load()
    try:
        model = planning.resolve_model(model_name, picture)
    except InferenceError as error:
        sys.exit(str(error))
    spec = planning.spec_of(model, device, picture, compiled_folder())
    sys.stdout.buffer.write(encode_job(spec.job()))


if __name__ == "__main__":
    main()
