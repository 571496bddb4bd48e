"""Installed models, what could be installed, and what is under way."""
