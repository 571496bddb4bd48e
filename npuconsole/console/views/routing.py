"""Which device gets which prompt, what would change if, and what really happened."""

from __future__ import annotations

from django.http import HttpRequest

from npuconsole.console.pages import Context, console_page


@console_page("routing")
def routing(request: HttpRequest) -> Context:
    """The page."""
    return {}
