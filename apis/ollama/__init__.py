"""Ollama's API: /api/… ."""
