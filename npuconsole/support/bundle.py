"""What goes into the support bundle, gathered, redacted and packed.

Prompts, answers, system prompts, templates and callers' addresses are never asked for. Everything
blocks; what comes from rows needs the ORM.
"""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import orjson

from inference import environment
from npuconsole import __version__
from npuconsole.remarks import Remark
from npuconsole.support import redaction

RECORDS = 100
LOG_BYTES = 400_000
LONGEST_LINE = 300
CONTENTS = {
    "doctor.txt": "what the doctor says",
    "configuration.toml": "settings, rule, device policies and aliases, without presets",
    "devices.json": "what OpenVINO says of each device",
    "models.json": "names, sizes and states of the models",
    "requests.json": f"the last {RECORDS} requests: device, reason, times and errors",
    "log.txt": "the end of the log: its lines, and where errors happened",
    "packages.txt": "versions of the installed packages",
}
_LINE = re.compile(r"\d{4}-\d\d-\d\d [\d:,.]+ [A-Z]+ +[\w.]+: ")
_REFUSED = re.compile(r"(: 4\d\d) .*")
"""Why a request was refused may quote it."""
_FRAME = re.compile(r'\s+File "')
_EXCEPTION = re.compile(r"([\w.]+(?:Error|Exception|Warning|Failed|Refused|Exit|Interrupt)): ?.*")
_OUR_OUTCOMES = ("engine_failed", "timeout", "no_device", "model_not_ready", "server_busy")
_RECORD_FIELDS = (
    "request_id",
    "received_at",
    "family",
    "endpoint",
    "model_name",
    "routed_device",
    "execution_device",
    "reason",
    "fallback_reason",
    "explanation",
    "outcome",
    "error",
    "prompt_tokens",
    "completion_tokens",
    "queue_seconds",
    "load_seconds",
    "prefill_seconds",
    "decode_seconds",
    "ttft_seconds",
    "total_seconds",
    "ignored",
)


def build(remarks: Sequence[Remark]) -> bytes:
    """The bundle as a zip file, with what the rows say."""
    return pack({**_of_rows(), **_of_machine(remarks)}, redaction.of_this_machine())


def write_here(place: Path, remarks: Sequence[Remark]) -> None:
    """Write the bundle to that place, for the command line: without rows if there are none. Raises
    OSError."""
    parts = _of_machine(remarks)
    home = environment.home()
    if (home / "npuconsole.sqlite3").exists() or os.environ.get("DATABASE_URL"):
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "npuconsole.settings")
        import django
        from django.db import DatabaseError

        django.setup()
        try:
            parts |= _of_rows()
        except DatabaseError as error:
            parts["rows.txt"] = f"The database cannot be read: {type(error).__name__}"
    place.write_bytes(pack(parts, redaction.of_this_machine()))


def pack(parts: Mapping[str, str], redact: redaction.Redactor) -> bytes:
    """The parts, redacted, as a zip file with a word about itself."""
    opening = [
        f"Support bundle of npuconsole {__version__}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.",
        "No prompts, no answers, no keys; home folders, names and addresses are replaced.",
        "",
        *(f"{name}: {words}" for name, words in CONTENTS.items() if name in parts),
    ]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", "\n".join(opening) + "\n")
        for name, text in sorted(parts.items()):
            archive.writestr(name, redact(text))
    return content.getvalue()


def bare_log(text: str) -> str:
    """A log's own lines, cut, and of tracebacks only the places and the kind of error: what an
    error quotes may be somebody's text. Pure."""
    return "\n".join(_bare_lines(text)) + "\n"


def _bare_lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if _LINE.match(line) or _FRAME.match(line):
            yield _REFUSED.sub(r"\1", line[:LONGEST_LINE])
        elif found := _EXCEPTION.fullmatch(line):
            yield found[1]


def _of_machine(remarks: Sequence[Remark]) -> dict[str, str]:
    marks = {True: "well", None: "note", False: "MEND"}
    packages = {f"{found.name}=={found.version}" for found in metadata.distributions()}
    return {
        "doctor.txt": "".join(
            f"{marks[remark.is_well]}  {remark.subject}: {remark.words}\n" for remark in remarks
        ),
        "log.txt": bare_log(_end_of(environment.home() / "logs" / "npuconsole.log")),
        "packages.txt": "\n".join(sorted(packages, key=str.lower)) + "\n",
    }


def _end_of(file: Path) -> str:
    try:
        with file.open("rb") as content:
            content.seek(max(0, file.stat().st_size - LOG_BYTES))
            return content.read().decode("utf-8", "replace")
    except OSError:
        return ""


def _of_rows() -> dict[str, str]:
    from inference.exchange.exporting import export
    from inference.models import Device, Model, RequestRecord

    fields = ("name", "present", "full_name", "driver", "absent_reason", "facts")
    shown = ("name", "status", "family", "size_bytes", "parameter_count", "quantization")
    records = RequestRecord.objects.order_by("-received_at").values(*_RECORD_FIELDS)[:RECORDS]
    return {
        "configuration.toml": export(with_presets=False),
        "devices.json": _json(list(Device.objects.values(*fields))),
        "models.json": _json(list(Model.objects.values(*shown, "context_length", "capabilities"))),
        "requests.json": _json([_cut(record) for record in records]),
    }


def _cut(record: dict[str, Any]) -> dict[str, Any]:
    """What is said of a client's mistake may quote the request."""
    is_ours = record["outcome"] in _OUR_OUTCOMES
    return {**record, "error": str(record["error"])[:LONGEST_LINE] if is_ours else ""}


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode() + "\n"
