"""Finding models: the known ones at once, the hub's when it has answered, a verdict for each device
before a byte is fetched."""

from __future__ import annotations

from asgiref.sync import async_to_sync
from django.http import HttpRequest

from inference import snapshot, upkeep
from inference.catalog import search as searching
from inference.catalog.fit import lookup
from inference.catalog.known.catalogue import catalogue, npu_exports
from inference.catalog.search import KINDS, Found, Wanted
from inference.errors import InferenceError
from npuconsole.console.figures import size
from npuconsole.console.models.found import exact_name, show_fit, show_found
from npuconsole.console.pages import Context, console_page
from npuconsole.console.words import sentence

LONGEST_QUERY = 200
SHOWN_AT_ONCE = 30
KIND_WORDS = {"all": "All kinds", "llm": "Text", "embedding": "Embeddings", "vision": "Vision"}
SORT_WORDS = {
    "popular": "Known first",
    "newest": "Newest",
    "downloads": "Downloads",
    "likes": "Likes",
}


@console_page("models", "console/models_find.html")
def find(request: HttpRequest) -> Context:
    """The page, with the known models that match; the hub's come after it."""
    wanted = _wanted(request)
    known = catalogue()
    importable = async_to_sync(upkeep.importable)()
    return {
        "tab": "find",
        "kinds": [(kind, KIND_WORDS[kind]) for kind in KINDS],
        "sorts": list(SORT_WORDS.items()),
        "catalogue_problem": known.problem,
        "places": [
            {
                "place": place.place,
                "request": place.request,
                "model": place.model,
                "size": size(place.size_bytes),
                "obstacle": sentence(place.obstacle),
            }
            for place in importable
        ],
        **_results(request, wanted, searching.merge(wanted, known.models, ())),
        "is_asking": True,
    }


@console_page("models", "console/models_results.html")
def results(request: HttpRequest) -> Context:
    """The same list when the hub has answered, or has not; takes up to some seconds."""
    wanted = _wanted(request)
    found = async_to_sync(searching.search)(wanted)
    return {
        **_results(request, wanted, found.models),
        "is_asking": False,
        "hub_problem": sentence(found.hub_problem),
    }


@console_page("models", "console/models_fit.html")
def fit(request: HttpRequest) -> Context:
    """The verdicts for one model; takes a second or two for what is not here."""
    name = request.GET.get("model", "")[:400]
    try:
        found = async_to_sync(lookup.fit_of)(name, npu_exports())
    except InferenceError as error:
        return {"name": name, "problem": sentence(error.message)}
    return {"name": name, "fit": show_fit(name, found)}


def _wanted(request: HttpRequest) -> Wanted:
    kind, sort = request.GET.get("kind", "all"), request.GET.get("sort", "popular")
    return Wanted(
        text=request.GET.get("q", "").strip()[:LONGEST_QUERY],
        kind=kind if kind in KIND_WORDS else "all",
        sort=sort if sort in SORT_WORDS else "popular",
    )


def _results(request: HttpRequest, wanted: Wanted, found: tuple[Found, ...]) -> Context:
    picture = snapshot.current()
    installed = {name.lower() for name, model in picture.models.items() if model.status == "ready"}
    rows = show_found(found, installed)
    try:
        shown = min(1000, max(SHOWN_AT_ONCE, int(request.GET.get("shown", SHOWN_AT_ONCE))))
    except ValueError:
        shown = SHOWN_AT_ONCE
    query = request.GET.copy()
    query["shown"] = str(shown + SHOWN_AT_ONCE)
    return {
        "wanted": wanted,
        "found": rows[:shown],
        "more": len(rows) - shown if len(rows) > shown else 0,
        "more_query": query.urlencode(),
        "query": request.GET.urlencode(),
        "exact": exact_name(wanted.text, rows),
    }
