"""The fit planner: which devices can run a model, told before a byte of its weights is here.

Facts in (`description`), what they mean (`kinds`, `shape`, `weights`, `recipe`, `memory`), a
verdict for each device out (`verdicts`, `planner`): all pure; only `lookup` asks hubs and disks.
Callers use `lookup.fit_of` and `planner.check_before_pull`.
"""
