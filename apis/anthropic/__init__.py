"""Anthropic's API: /v1/messages and what lies below it. The door for Claude Code and the SDKs."""
