"""How clients reach this server, ready to copy."""

from __future__ import annotations

from django.http import HttpRequest

from npuconsole.console.pages import Context, console_page


@console_page("connect")
def connect(request: HttpRequest) -> Context:
    """The page."""
    return {}
