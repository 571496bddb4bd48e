"""How clients reach this server, ready to copy."""

from __future__ import annotations

from django.http import HttpRequest

from inference import snapshot
from inference.configuration import load_settings
from inference.snapshot import ModelInfo
from npuconsole import listening
from npuconsole.console.connect.clients import BY_KEY, CLIENTS, Filled, cautions_of
from npuconsole.console.connect.reaching import Where, address_for, look_at_machine, steps_for
from npuconsole.console.pages import Context, console_page
from npuconsole.listening import Place

PLACES = (
    (Where.HERE, "On this machine"),
    (Where.WSL_NAT, "In WSL2 (NAT, the default)"),
    (Where.WSL_MIRRORED, "In WSL2 (mirrored)"),
    (Where.ELSEWHERE, "On another machine"),
)
SHELLS = (("sh", "bash, zsh"), ("powershell", "PowerShell"))
NO_MODEL = "MODEL"


@console_page("connect")
def connect(request: HttpRequest) -> Context:
    """The page; everything chosen on it is in its address."""
    models = [model for model in snapshot.current().answering() if model.generates]
    model = _chosen(models, request.GET.get("model", ""))
    where, shell = _where(request), _shell(request)
    place, machine = _place(), look_at_machine()
    filled = Filled(
        address=address_for(where, machine, place, request.get_host()),
        model=model.name if model else NO_MODEL,
        shell=shell if where in (Where.HERE, Where.ELSEWHERE) else "sh",
        context_tokens=model.context_length if model else 0,
        has_tools=model is not None and "tools" in model.capabilities,
    )
    client = BY_KEY.get(request.GET.get("client", ""), CLIENTS[0])
    return {
        "models": models,
        "model": model,
        "where": where,
        "places": PLACES,
        "shell": filled.shell,
        "shell_is_given": where in (Where.WSL_NAT, Where.WSL_MIRRORED),
        "shells": SHELLS,
        "filled": filled,
        "clients": CLIENTS,
        "client": client,
        "snippets": client.fill(filled),
        "cautions": cautions_of(client, filled),
        "steps": steps_for(where, machine, place),
        "place": place,
    }


def _chosen(models: list[ModelInfo], name: str) -> ModelInfo | None:
    """The model asked for, else the one that can do most: it holds the longest prompts."""
    asked = next((model for model in models if model.name == name), None)
    return asked or max(models, key=lambda model: model.context_length, default=None)


def _where(request: HttpRequest) -> Where:
    asked = request.GET.get("from", "")
    if asked in set(Where):
        return Where(asked)
    place = listening.place()
    host = str(request.META.get("REMOTE_ADDR", ""))
    is_far = place is not None and not place.is_only_here and not host.startswith(("127.", "::1"))
    return Where.ELSEWHERE if is_far else Where.HERE


def _shell(request: HttpRequest) -> str:
    asked = request.GET.get("shell", "")
    if asked in dict(SHELLS):
        return asked
    return "powershell" if "Windows" in request.headers.get("User-Agent", "") else "sh"


def _place() -> Place:
    """Where the server listens; under another server than ours, where it would."""
    known = listening.place()
    if known is not None:
        return known
    settings = load_settings()
    return Place(settings["host"], settings["port"])
