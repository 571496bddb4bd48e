"""`npuconsole create`: a model from a Modelfile, whose files are uploaded to the server first."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from inference.catalog.modelfile import Modelfile, parse_modelfile
from inference.errors import InvalidRequest
from npuconsole import client

_PIECE_BYTES = 1 << 20


def create(name: str, modelfile: Path) -> Iterator[dict[str, Any]]:
    """The lines of its making; ends after "success". Raises ServerProblem with one line for what is
    wrong with the Modelfile or the server does not take."""
    try:
        made = parse_modelfile(modelfile.read_text(encoding="utf-8"))
    except InvalidRequest as error:
        raise client.ServerProblem(f"{modelfile.name}: {error.message}") from None
    except UnicodeDecodeError:
        raise client.ServerProblem(f"{modelfile.name} is no text in UTF-8") from None
    except OSError as error:
        raise client.ServerProblem(f"{modelfile} cannot be read: {error.strerror}") from None
    body: dict[str, Any] = {"model": name, **made.body}
    if made.names_a_file:
        files = _files_of(made, modelfile.parent)
        body["files"] = {}
        for file in files:
            yield {"status": f"hashing {file.name}"}
            digest = f"sha256:{_hash(file)}"
            yield {"status": f"copying {file.name}"}
            client.upload(f"/api/blobs/{digest}", file)
            body["files"][file.name] = digest
    else:
        body["from"] = made.source
    yield from client.stream("/api/create", body)


def _files_of(made: Modelfile, base: Path) -> list[Path]:
    path = base / Path(made.source).expanduser()
    if path.is_file():
        return [path]
    files = sorted(file for file in path.iterdir() if file.is_file()) if path.is_dir() else []
    if not files:
        raise client.ServerProblem(f"FROM {made.source}: there is no such file or folder")
    return [file for file in files if not file.name.startswith(".")]


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()
