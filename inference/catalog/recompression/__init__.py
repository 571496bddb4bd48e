"""Other weights for a model that is installed: eight bits, four bits, or what an NPU wants.

`order` says what is to be made and from which form, `targets` and `quality` decide (pure), and the
child process `python -m inference.catalog.recompression` does it with nncf (extra `compress`).
"""
