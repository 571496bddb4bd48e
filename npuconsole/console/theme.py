"""The admin wears the console's accent, typeface and radius: the UNFOLD settings.

Greys and accent are the values of static/console/css/tokens.css; both places share the browser's
stored choice of theme (localStorage "adminTheme"), so a switch in one is a switch in the other.
"""

from __future__ import annotations

from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "npuconsole",
    "SITE_HEADER": "npuconsole",
    "SITE_SUBHEADER": "Every row of the appliance",
    "SITE_URL": "/",
    "SITE_ICON": lambda request: static("console/mark.svg"),
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("console/mark.svg")}
    ],
    "STYLES": [lambda request: static("console/css/admin.css")],
    "BORDER_RADIUS": "6px",
    "SHOW_VIEW_ON_SITE": True,
    "COLORS": {
        "base": {
            "50": "#f6f7f9",
            "100": "#eef0f3",
            "200": "#e1e4e9",
            "300": "#cbd0d8",
            "400": "#9aa2b0",
            "500": "#646c7a",
            "600": "#4d5563",
            "700": "#323844",
            "800": "#20242d",
            "900": "#14171d",
            "950": "#0d0f13",
        },
        "primary": {
            "50": "#eef3ff",
            "100": "#dde7ff",
            "200": "#c1d2ff",
            "300": "#a5beff",
            "400": "#86a8ff",
            "500": "#4f7bf0",
            "600": "#2457d6",
            "700": "#1d47b0",
            "800": "#193b90",
            "900": "#173473",
            "950": "#101f47",
        },
    },
    "SIDEBAR": {
        "show_search": True,
        "show_all_applications": False,
        "navigation": [
            {
                "items": [
                    {
                        "title": "Console",
                        "icon": "dashboard",
                        "link": reverse_lazy("console:overview"),
                        "active": lambda request: False,  # it leads out of the admin
                    },
                ],
            },
            {
                "title": "Machine",
                "separator": True,
                "items": [
                    {
                        "title": title,
                        "icon": icon,
                        "link": reverse_lazy(f"admin:inference_{name}_changelist"),
                    }
                    for title, icon, name in (
                        ("Devices", "memory", "device"),
                        ("Device policies", "tune", "devicepolicy"),
                        ("Routing policy", "alt_route", "routingpolicy"),
                        ("Models", "deployed_code", "model"),
                        ("Model variants", "stacks", "modelvariant"),
                        ("Pull jobs", "download", "pulljob"),
                        ("Passports", "badge", "passport"),
                        ("Pinned pairs", "keep", "pinnedpair"),
                        ("Requests", "receipt_long", "requestrecord"),
                        ("Conversations", "forum", "conversation"),
                        ("Messages", "chat", "conversationmessage"),
                        ("Settings", "settings", "setting"),
                    )
                ],
            },
            {
                "title": "Access",
                "separator": True,
                "items": [
                    {
                        "title": "Users",
                        "icon": "person",
                        "link": reverse_lazy("admin:auth_user_changelist"),
                    },
                    {
                        "title": "Groups",
                        "icon": "group",
                        "link": reverse_lazy("admin:auth_group_changelist"),
                    },
                ],
            },
        ],
    },
}
