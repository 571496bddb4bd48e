"""One module per command: `serve`."""
