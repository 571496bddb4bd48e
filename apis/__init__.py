"""The API families. Each is a package of the same files: `schemas` (what clients send), `routes`
(which path does what), `frames` (what they get), `errors` (one table from error to answer).

The site's ASGI application calls `door.application` for every scope that `door.is_api_scope` names;
`serve` calls `backpressure.install`. The families call `inference.dispatch` and queries only.
"""
