"""Runs inside an engine process: runtimes and the wire protocol. Never imports Django."""
