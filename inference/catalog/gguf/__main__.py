"""The child process of an import: `python -m inference.catalog.gguf SOURCE TARGET`.

It speaks JSON lines on standard output: {"step", "fraction"} as work goes on, and at the end
either {"done": true, "facts": {…}} or {"error", "retry"} with exit code 1, where `retry` says
whether fetching the file again could help. A process that dies without either was killed by
native code; the caller says so.
"""

import argparse
import json
import logging
import sys
from pathlib import Path
from typing import Any

from inference.catalog.gguf.errors import CorruptFile, GgufError
from inference.catalog.gguf.importing import WEIGHT_FORMATS, import_gguf


def say(message: dict[str, Any]) -> None:
    """Send one line of the protocol at once."""
    sys.stdout.write(json.dumps(message, ensure_ascii=True) + "\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    """Run one import; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m inference.catalog.gguf")
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--weights", choices=WEIGHT_FORMATS, help="default: by size")
    options = parser.parse_args(arguments)

    def report(step: str, fraction: float) -> None:
        say({"step": step, "fraction": round(fraction, 3)})

    try:
        facts = import_gguf(options.source, options.target, options.weights, report)
    except GgufError as error:
        say({"error": str(error), "retry": isinstance(error, CorruptFile)})
        return 1
    except FileExistsError as error:
        say({"error": str(error.args[0]), "retry": False})
        return 1
    except FileNotFoundError:
        say({"error": "The file is not there.", "retry": False})
        return 1
    except MemoryError:
        say({"error": "There is not enough memory to import this model.", "retry": True})
        return 1
    except OSError as error:
        say({"error": f"The disk did not do its part: {error.strerror}.", "retry": True})
        return 1
    except Exception:  # the caller must get one clean line, whatever a stranger's file provokes
        logging.getLogger(__name__).exception("import failed")  # to standard error, for the log
        say({"error": "This model could not be imported.", "retry": False})
        return 1
    say({"done": True, "facts": facts})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
