"""Sentence encoders of the BERT family become OpenVINO folders here, once, at install.

`python -m inference.catalog.encoders SOURCE TARGET` is the entrance, as a child process like the
import of GGUF files; `files` says which files make up an encoder.
"""
