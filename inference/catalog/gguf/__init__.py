"""GGUF files become OpenVINO folders here, once, at install.

`python -m inference.catalog.gguf SOURCE TARGET` is the entrance, as a child process: native
parsers crash on hostile files, and a crash must cost one import, not the server.
"""
