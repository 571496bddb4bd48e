"""Entry of `manage.py`: Django's commands, with reasons not to start as one line."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from inference.environment import UnusableVariable
from npuconsole.refusals import StartRefused


def manage(arguments: Sequence[str] | None = None) -> None:
    """Run one of Django's commands; `arguments` begin with the program's name."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "npuconsole.settings")
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(list(arguments or sys.argv))
    except (StartRefused, UnusableVariable) as refusal:
        print(f"npuconsole: {refusal}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
