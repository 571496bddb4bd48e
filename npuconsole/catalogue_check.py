"""The doctor's look at catalogue and disk: by the server that runs, or here if none does."""

from __future__ import annotations

import os
from typing import Any

from inference import environment
from npuconsole import client


def findings(*, fix: bool) -> list[dict[str, Any]]:
    """What GET /api/npu/doctor lists; with `fix` after what is safe was mended. Raises
    ServerProblem if neither a server nor this process can look."""
    try:
        if fix:
            return list(client.send("/api/npu/doctor", {"fix": True})["findings"])
        return list(client.fetch("/api/npu/doctor")["findings"])
    except client.NobodyThere:
        return _look_here(fix=fix)


def _look_here(*, fix: bool) -> list[dict[str, Any]]:
    home = environment.home()
    if not (home / "npuconsole.sqlite3").exists() and not os.environ.get("DATABASE_URL"):
        return []  # it never ran
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "npuconsole.settings")
    import django
    from django.db import DatabaseError

    django.setup()
    from inference.catalog.doctor import diagnose
    from inference.catalog.folders import ModelsFolder
    from inference.catalog.inventory import look
    from inference.catalog.mending import mend
    from npuconsole.preparation import only_instance
    from npuconsole.refusals import StartRefused

    models = ModelsFolder(environment.models_folder(), home)
    try:
        with only_instance(home):
            found = diagnose(look(models, None))
            done = [mend(finding, models) if fix else "" for finding in found]
    except StartRefused as refusal:
        raise client.ServerProblem(str(refusal)) from None
    except DatabaseError as error:
        raise client.ServerProblem(f"The database cannot be read: {error}") from None
    return [
        {
            "subject": finding.subject,
            "words": finding.words,
            "advice": finding.advice,
            "is_wrong": finding.is_wrong,
            "can_be_fixed": finding.fix is not None,
            "done": words,
        }
        for finding, words in zip(found, done, strict=True)
    ]
