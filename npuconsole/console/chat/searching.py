"""Finding conversations by what stands in them. Blocks on the database.

SQLite's own LIKE ignores case for English letters only. That is fast and enough for most queries;
those with other letters are matched by a regular expression, which knows every script's cases.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Exists, Min, OuterRef, Q, QuerySet

from inference.models import Conversation, ConversationMessage

PAGE_SIZE = 40
MAX_QUERY_CHARACTERS = 200
_BEFORE, _AFTER = 30, 90


@dataclass(frozen=True, slots=True)
class Snippet:
    """Where a query was met: the text around it, and the match itself."""

    before: str
    match: str
    after: str


@dataclass(frozen=True, slots=True)
class Found:
    """One conversation of a list. `snippet` is set if the query stands in a message of it."""

    id: int
    title: str
    modified_at: datetime
    snippet: Snippet | None = None


def find_conversations(query: str = "", *, offset: int = 0) -> tuple[list[Found], bool]:
    """A page of conversations, the last used first, and whether there are more. A query of several
    words is met where they stand together, in any case."""
    query = query.strip()[:MAX_QUERY_CHARACTERS]
    rows: QuerySet[Conversation] = Conversation.objects.order_by("-modified_at", "-pk")
    if query:
        inside = ConversationMessage.objects.filter(
            _meets("content", query), conversation=OuterRef("pk")
        )
        rows = rows.filter(_meets("title", query) | Q(Exists(inside)))
    page = list(rows.only("pk", "title", "modified_at")[offset : offset + PAGE_SIZE + 1])
    shown = page[:PAGE_SIZE]
    snippets = _snippets([row.pk for row in shown], query) if query else {}
    found = [Found(row.pk, str(row), row.modified_at, snippets.get(row.pk)) for row in shown]
    return found, len(page) > PAGE_SIZE


def snippet_of(text: str, query: str) -> Snippet | None:
    """The first place where `query` stands in `text`, in any case. Pure."""
    met = re.search(re.escape(query), text, re.IGNORECASE)
    if met is None:
        return None
    start, end = met.span()
    before = text[max(0, start - _BEFORE) : start]
    after = text[end : end + _AFTER]
    return Snippet(
        ("…" if start > _BEFORE else "") + before,
        met.group(),
        after + ("…" if end + _AFTER < len(text) else ""),
    )


def _meets(field: str, query: str) -> Q:
    if query.isascii() or connection.vendor != "sqlite":
        return Q(**{f"{field}__icontains": query})
    in_any_case = Q(**{f"{field}__iregex": re.escape(query)})
    # LIKE is some three times as fast: what English letters there are rule most rows out.
    english = max(re.findall(r"[\x20-\x7e]+", query), key=len, default="")
    return Q(**{f"{field}__icontains": english}) & in_any_case if english else in_any_case


def _snippets(conversations: list[int], query: str) -> dict[int, Snippet]:
    """Of each conversation the first message that meets the query."""
    firsts = (
        ConversationMessage.objects.filter(
            _meets("content", query), conversation_id__in=conversations
        )
        .order_by()
        .values("conversation")
        .annotate(first=Min("pk"))
        .values("first")
    )
    rows = ConversationMessage.objects.filter(pk__in=[row["first"] for row in firsts]).order_by()
    found = ((row.conversation_id, snippet_of(row.content, query)) for row in rows)
    return {pk: snippet for pk, snippet in found if snippet is not None}
