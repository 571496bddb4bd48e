"""The models this machine has, and how a model gets here: sources, imports, names, presets.

Callers use `names` (what clients type), `jobs` (pull, watch, close) and `starter`; the `serve`
command starts and stops both. Everything that waits for disks and networks runs in threads and
child processes below them.
"""
