"""Talk to a model, on a device of choice, or compare several."""

from __future__ import annotations

from django.http import HttpRequest

from npuconsole.console.pages import Context, console_page


@console_page("chat")
def chat(request: HttpRequest) -> Context:
    """The page."""
    return {}
