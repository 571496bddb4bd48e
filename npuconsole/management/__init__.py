"""Django's place for this project's commands."""
