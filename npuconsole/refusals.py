"""Reasons not to start that a person can do something about."""

from __future__ import annotations


class StartRefused(Exception):
    """The appliance cannot start; the text is the one line to show."""
