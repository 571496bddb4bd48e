"""Which engine is loaded where. Called by `dispatch` (`Residency.acquire`) and `status`
(`engines`).

Three concerns are kept apart: `process` is the machinery of one worker process, `line` decides who
is next and performs nothing, `eviction` is a pure function from what is wanted and what is loaded
to what must go. `residents` owns the state and joins them.
"""
