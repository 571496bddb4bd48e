"""What belongs to no family: `/` for API clients, health, devices, metrics."""
