"""One module per page, see `npuconsole.console.pages`."""
