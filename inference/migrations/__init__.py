"""The database schema, one small named step each."""
