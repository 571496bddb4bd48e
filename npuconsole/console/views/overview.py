"""The first page: devices, what runs, what was decided."""

from __future__ import annotations

from django.http import HttpRequest

from npuconsole.console.pages import Context, console_page


@console_page("overview")
def overview(request: HttpRequest) -> Context:
    """Everything on it moves, and comes with the picture."""
    return {}
