"""Django's commands for this project; `python manage.py serve` runs the appliance."""

from __future__ import annotations

from npuconsole.commands import manage

if __name__ == "__main__":
    manage()
