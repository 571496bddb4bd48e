"""The engine app: routing, residency, engines, models. Outsiders call `dispatch` and `status`."""
