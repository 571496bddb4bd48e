"""Django's settings. What an owner may change is a row or a variable, not a line here:
`inference.configuration` and `inference.environment` know them all.
"""

from __future__ import annotations

import importlib.util
import socket
from pathlib import Path
from typing import Any

import dj_database_url

from inference import environment
from npuconsole.console.theme import UNFOLD as UNFOLD
from npuconsole.refusals import StartRefused
from npuconsole.secret import secret_key

HOME = environment.home()
PACKAGE = Path(__file__).resolve().parent


def _shipped(folder: str) -> Path:
    """Where templates or static files are: inside the installed package, else in the checkout."""
    installed = PACKAGE / f"_{folder}"
    return installed if installed.is_dir() else PACKAGE.parent / folder


def _own_names() -> list[str]:
    """Names and addresses under which this machine may be asked for (against DNS rebinding).

    The address comes from a connectionless socket: no packet is sent and no name server asked.
    """
    names = ["localhost", "127.0.0.1", "[::1]", socket.gethostname().lower()]
    names.append(f"{names[-1].partition('.')[0]}.local")
    for family, target in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((target, 9))
                address = probe.getsockname()[0].partition("%")[0]
        except OSError:
            continue
        names.append(f"[{address}]" if family == socket.AF_INET6 else address)
    host = environment.values().get("NPU_PROXY_HOST", "127.0.0.1")
    if host not in ("0.0.0.0", "::"):
        names.append(f"[{host}]" if ":" in host else host.lower())
    return [*names, *environment.listed(environment.values().get("NPUCONSOLE_ALLOWED_HOSTS", ""))]


def _database() -> dict[str, Any]:
    """PostgreSQL by DATABASE_URL, else a file in the data folder."""
    url = environment.values().get("DATABASE_URL")
    if url:
        if importlib.util.find_spec("psycopg") is None:
            raise StartRefused(
                "DATABASE_URL needs the package psycopg: pip install 'npuconsole[postgres]'"
            )
        return {
            **dj_database_url.parse(url),
            "ENGINE": "django_prometheus.db.backends.postgresql",
        }
    return {
        "ENGINE": "django_prometheus.db.backends.sqlite3",
        "NAME": HOME / "npuconsole.sqlite3",
        "OPTIONS": {
            # A row is written in 145 µs with these, in 1,300 µs without.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
        },
    }


SECRET_KEY = secret_key(HOME)
DEBUG = False
ALLOWED_HOSTS = _own_names()

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "django_prometheus",
    "channels",
    "inference",
    "npuconsole",
]

# Pages only: API paths are answered before Django's handler (see `npuconsole.asgi`).
MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "npuconsole.headers.content_security_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "npuconsole.urls"
ASGI_APPLICATION = "npuconsole.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [_shipped("templates")],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}

STATIC_URL = "/static/"
STATICFILES_DIRS = [_shipped("static")]

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True
FORMAT_MODULE_PATH = ["npuconsole.formats"]

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
SESSION_COOKIE_NAME = "npuconsole_session"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "npuconsole_csrf"
CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"

PROMETHEUS_EXPORT_MIGRATIONS = False  # it would ask the database at every start

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "format": "{asctime} {levelname:<7} {name}: {message}",
            "datefmt": "%H:%M:%S",
            "style": "{",
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {
        "handlers": ["stderr"],
        "level": environment.values().get("NPU_PROXY_LOG_LEVEL", "INFO"),
    },
    "loggers": {
        "daphne": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},
        "httpx": {"level": "WARNING"},
        "asyncio": {"level": "WARNING"},
    },
}
