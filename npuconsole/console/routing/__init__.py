"""The rule that sends prompts to devices: shown, tried, changed and undone."""
