"""What the child processes of all imports have in common: how they tell what they do, and how what
they made is published.

JSON lines on standard output: {"step", "fraction"} as work goes on, {"note"} for what is worth a
line of its own, and at the end either {"done": true, "facts": {…}} or {"error", "retry"} with exit
code 1, where `retry` says whether fetching the files again could help. A process that dies without
either was killed by native code; the caller (`inference.catalog.importers`) says so.
"""

from __future__ import annotations

import json
import logging
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from inference.catalog.renaming import rename

Report = Callable[[str, float], None]
"""Told the name of the step that begins and the share of the work done, from 0 to 1."""


class ImportRefused(Exception):
    """The files cannot be imported; str() is a sentence for the user. The messages end up on the
    console's pages, so they name no paths and no internals."""

    retry = False
    """Whether fetching the files again may help."""


@contextmanager
def published_folder(target: Path) -> Iterator[Path]:
    """An empty folder to fill, beside `target`, which it becomes by one rename at the end: `target`
    either is complete or is not there. Raises FileExistsError when `target` is there already."""
    if target.exists():
        raise FileExistsError("The target folder exists already.")
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        yield work
        work.chmod(0o755)  # mkdtemp makes it private
        rename(work, target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def run_import(work: Callable[[Report], dict[str, Any]]) -> int:
    """Do `work`, which returns the model's facts, and tell how it went; the exit code."""
    try:
        facts = work(_report)
    except ImportRefused as error:
        return _refuse(str(error), retry=error.retry)
    except FileExistsError as error:
        return _refuse(str(error.args[0]), retry=False)
    except FileNotFoundError:
        return _refuse("The file is not there.", retry=False)
    except ImportError:  # one of torch's companions that was built for another torch is enough
        logging.getLogger(__name__).exception("import failed")  # to standard error, for the log
        return _refuse(
            "The libraries that this needs do not work together here; npuconsole extra, with "
            "compress or convert, installs them again.",
            retry=False,
        )
    except MemoryError:
        return _refuse("There is not enough memory to import this model.", retry=True)
    except OSError as error:
        return _refuse(f"The disk did not do its part: {error.strerror}.", retry=True)
    except Exception:  # the caller must get one clean line, whatever a stranger's file provokes
        logging.getLogger(__name__).exception("import failed")  # to standard error, for the log
        return _refuse("This model could not be imported.", retry=False)
    _say({"done": True, "facts": facts})
    return 0


def note(words: str) -> None:
    """Tell whoever waits something that stays to be seen."""
    _say({"note": words})


def refuse(reason: str) -> None:
    """Tell why there will be no result, for who ends the process right after."""
    _refuse(reason, retry=False)


def _report(step: str, fraction: float) -> None:
    _say({"step": step, "fraction": round(fraction, 3)})


def _refuse(reason: str, *, retry: bool) -> int:
    _say({"error": reason, "retry": retry})
    return 1


def _say(message: dict[str, Any]) -> None:
    """Send one line of the protocol at once."""
    sys.stdout.write(json.dumps(message, ensure_ascii=True) + "\n")
    sys.stdout.flush()
