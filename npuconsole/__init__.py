"""The site: settings, the ASGI application, the console's pages, `serve` and the command line."""

__version__ = "0.1.0"
