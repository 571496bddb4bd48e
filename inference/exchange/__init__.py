"""The whole configuration as one TOML file: written (`exporting`), read and compared with what is
here (`plans`), and applied (`importing`).

Called by the console and the command line. Uses the ORM: in the database thread or a view's.
"""
