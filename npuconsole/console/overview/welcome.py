"""The first steps on a new machine: an account or none, a model, and on to the chat.

Shown in place of the overview to a person on this machine, until there is an account or somebody
chose to go without one.
"""

from __future__ import annotations

from typing import Any

import orjson
import psutil
from asgiref.sync import async_to_sync
from django.contrib.auth import alogin
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse

from inference import configuration, dispatch, snapshot
from inference.catalog import jobs
from inference.catalog.errors import PullFailed
from inference.catalog.fit.lookup import fit_of, machine_of
from inference.catalog.fit.verdicts import Answer
from inference.catalog.known.catalogue import catalogue
from inference.catalog.names import parse_name
from inference.catalog.recipes import STARTER
from inference.database import in_database_thread
from inference.errors import InferenceError
from inference.models import Setting
from inference.suggestion import Suggestion, size_of, suggest
from npuconsole.console.access import has_owner, is_loopback, may_become_owner
from npuconsole.console.pages import (
    Context,
    Refusal,
    console_action,
    console_page,
    guarded_action,
)

MOST_BODY_BYTES = 10_000
NEXT_STEP = "console:first-model"


def is_welcome_due(request: HttpRequest) -> bool:
    """Whether that person should see the first steps. Uses the ORM."""
    settings = snapshot.current().settings
    if settings.welcome_is_over and not settings.console_login_required:
        return False
    return is_loopback(request.META.get("REMOTE_ADDR")) and not has_owner()


async def only_before_an_owner(request: HttpRequest) -> HttpResponse | None:
    """The guard of the first step: where an account exists already it leads to the overview."""
    if await may_become_owner(request.META.get("REMOTE_ADDR")):
        return None
    if request.method == "POST":
        return JsonResponse({"error": "Somebody has an account already.", "field": ""}, status=403)
    return redirect("console:overview")


@console_page("welcome", guard=only_before_an_owner)
def welcome(request: HttpRequest) -> Context:
    """Step one: who uses this console."""
    return {"may_skip": not snapshot.current().settings.console_login_required}


@guarded_action(only_before_an_owner)
async def create_owner(request: HttpRequest) -> HttpResponse:
    """The owner's account, and a session with it."""
    body = _body(request)
    name, password = _text(body, "name").strip(), _text(body, "password")
    user = await in_database_thread(_create_owner, name, password)
    await alogin(request, user, "django.contrib.auth.backends.ModelBackend")
    return JsonResponse({"next": reverse(NEXT_STEP)})


@guarded_action(only_before_an_owner)
async def skip(request: HttpRequest) -> HttpResponse:
    """Without an account: this machine stays open to whoever sits at it."""
    if snapshot.current().settings.console_login_required:
        raise Refusal("The settings demand a login, so the first account is needed.")
    await in_database_thread(_end_welcome)
    await configuration.refresh()  # the next page already goes by it
    return JsonResponse({"next": reverse(NEXT_STEP)})


@console_page("welcome", "console/first_model.html")
def first_model(request: HttpRequest) -> Context:
    """Step two: which devices there are, and the model that suits them."""
    return _offers()


@console_page("welcome", "console/_offers.html")
def offers(request: HttpRequest) -> Context:
    """The same offers, after the hub was asked about the first one. Takes seconds."""
    offered = _offers()
    best: Suggestion | None = offered["best"]
    if best is None:
        return offered
    try:
        fit = async_to_sync(fit_of)(best.name)
    except InferenceError as error:
        return {**offered, "is_asked": True, "problem": error.message}
    verdicts = [verdict for verdict in fit.verdicts if verdict.is_present]
    fits = any(verdict.answer in (Answer.FITS, Answer.LIMITED) for verdict in verdicts)
    problem = "" if fits and fit.has_disk else "it does not fit after all"
    return {**offered, "is_asked": True, "problem": problem, "verdicts": verdicts}


@console_action
async def get_model(request: HttpRequest) -> HttpResponse:
    """Begin to fetch a model; the page follows it by its name in the picture."""
    name = _text(_body(request), "model")
    try:
        found = dispatch.find_model(name)
        if found is not None:
            return JsonResponse({"model": found.name, "is_ready": True})
        watch = await jobs.pull(name)
    except (InferenceError, PullFailed) as error:
        raise Refusal(error.message, field="model") from None
    return JsonResponse({"model": watch.model_name, "is_ready": False})


@console_action
async def pull_failure(request: HttpRequest) -> HttpResponse:
    """Why the last pull of a model failed; "" where none did."""
    try:
        name = parse_name(_text(_body(request), "model"))
    except InferenceError as error:
        raise Refusal(error.message, field="model") from None
    return JsonResponse({"error": jobs.last_failure(name)})


def _offers() -> Context:
    picture = snapshot.current()
    machine = machine_of(picture, jobs.models_folder())
    known = catalogue().models
    best = suggest(known, machine, psutil.cpu_count(logical=False) or 1)
    starter = catalogue().find(parse_name(STARTER))
    ready = sorted(
        model.name
        for model in picture.models.values()
        if model.status == "ready" and model.generates
    )
    if best is not None and best.name == STARTER:
        best = None
    return {
        "best": best,
        "is_asked": False,
        "problem": "",
        "verdicts": (),
        "starter": starter,
        "starter_name": STARTER,
        "starter_bytes": min(
            (size_of(export, starter.parameter_count) for export in starter.exports), default=0
        )
        if starter
        else 0,
        "is_starter_ready": STARTER in ready,
        "ready": ready,
    }


def _create_owner(name: str, password: str) -> User:
    """In one transaction with the look whether somebody was faster. Raises Refusal."""
    if not name:
        raise Refusal("Choose a name to log in with.", field="name")
    try:
        User.username_validator(name)
        user = User(username=name, is_staff=True, is_superuser=True)
        user.clean_fields(exclude=["password"])
    except ValidationError as error:
        raise Refusal(" ".join(error.messages), field="name") from None
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Refusal(" ".join(error.messages), field="password") from None
    user.set_password(password)
    with transaction.atomic():
        if has_owner():
            raise Refusal("Somebody has an account already.", status=403)
        if User.objects.filter(username__iexact=name).exists():
            raise Refusal("That name is taken.", field="name")
        user.save()
    return user


def _end_welcome() -> None:
    Setting.objects.update_or_create(key="welcome_is_over", defaults={"value": True})


def _body(request: HttpRequest) -> dict[str, Any]:
    if len(request.body) > MOST_BODY_BYTES:
        raise Refusal("That is too much.", status=413)
    try:
        body = orjson.loads(request.body or b"{}")
    except orjson.JSONDecodeError:
        raise Refusal("That was not valid JSON.") from None
    if not isinstance(body, dict):
        raise Refusal("A JSON object was expected.")
    return body


def _text(body: dict[str, Any], field: str) -> str:
    value = body.get(field, "")
    if not isinstance(value, str):
        raise Refusal("That must be text.", field=field)
    return value
