"""What was asked, and one request's receipt."""

from __future__ import annotations

from django.http import HttpRequest

from npuconsole.console.pages import Context, console_page


@console_page("requests")
def requests(request: HttpRequest) -> Context:
    """The page."""
    return {}
