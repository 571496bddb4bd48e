"""The first page, and the first steps on a new machine."""
