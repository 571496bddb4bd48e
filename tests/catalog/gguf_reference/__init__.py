"""Small random models as GGUF files, and what llama.cpp says about them.

`shapes` and `vocabularies` write the files, and the tests hold what becomes of them against the
answers that are kept in `answers.npz` and `ids.json`. `make` made those; no test runs it.
"""
