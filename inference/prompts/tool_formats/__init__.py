"""How each family of models writes tool calls.

One module per format, each with one `ToolFormat` (`shape.py`): how its calls are read from an
answer, how a constrained answer is wrapped, which chat templates speak it. `registry.py` lists
them; the next one is a module and a line there.
"""
