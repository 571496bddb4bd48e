"""An owner's account with a session, for servers whose console wants a login."""

from __future__ import annotations

SESSION_COOKIE = "npuconsole_session"
SESSION = "s" * 32
MAKE_OWNER = f"""
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore

owner = User.objects.create_superuser("owner")
session = SessionStore()
session[SESSION_KEY] = str(owner.pk)
session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
session[HASH_SESSION_KEY] = owner.get_session_auth_hash()
session._session_key = "{SESSION}"
session.save(must_create=True)
"""
"""For `change_rows`."""
