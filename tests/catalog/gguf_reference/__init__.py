"""Small random models as GGUF files, and what llama.cpp says about them.

`shapes` writes the files; `make` runs llama.cpp on them, once, and keeps its answers in
`answers.npz`, which the tests hold the importer's answers against.
"""
