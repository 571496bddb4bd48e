"""Talking to models: conversations, answers on their way, the page."""
