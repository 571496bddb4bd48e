"""Where the console's pages are: each page's package says it of its own."""

from __future__ import annotations

from npuconsole.console.chat import urls as chat
from npuconsole.console.connect import urls as connect
from npuconsole.console.models import urls as models
from npuconsole.console.overview import urls as overview
from npuconsole.console.requests import urls as requests
from npuconsole.console.routing import urls as routing
from npuconsole.console.settings import urls as settings

app_name = "console"

urlpatterns = [
    pattern
    for page in (overview, chat, models, routing, requests, connect, settings)
    for pattern in page.urlpatterns
]
