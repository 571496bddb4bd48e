"""The owner's settings, the whole configuration as a file, and the doctor."""

from __future__ import annotations

from django.http import HttpRequest

from npuconsole.console.pages import Context, console_page


@console_page("settings")
def settings(request: HttpRequest) -> Context:
    """The page."""
    return {}
