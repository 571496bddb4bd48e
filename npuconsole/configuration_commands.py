"""The command line's part about the configuration as a file."""

from __future__ import annotations

from typing import Annotated

import typer


def export_config() -> None:
    """Print the whole configuration as TOML."""
    from npuconsole.commands import manage

    manage(["npuconsole", "export_config"])


def import_config(
    file: Annotated[str, typer.Argument(help="A file as export-config prints it; - for input.")],
    apply: Annotated[bool, typer.Option("--apply", help="Change it, do not only show it.")] = False,
) -> None:
    """Show what importing a configuration would change; with --apply change it."""
    from npuconsole.commands import manage

    manage(["npuconsole", "import_config", file, *(["--apply"] if apply else [])])
