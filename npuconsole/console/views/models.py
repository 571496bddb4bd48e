"""What is installed, what could be, and what is on its way."""

from __future__ import annotations

from django.http import HttpRequest

from npuconsole.console.pages import Context, console_page


@console_page("models")
def models(request: HttpRequest) -> Context:
    """The page."""
    return {}
