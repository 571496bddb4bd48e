"""`python -m npuconsole` is the `npuconsole` command."""

from __future__ import annotations

from npuconsole.cli import main

main()
