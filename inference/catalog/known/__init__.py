"""Which names lead to which model: `models.toml` here, and the owner's own in the data folder.

`entries` reads and checks such a file, `catalogue` finds names in both and says what is close to
one that neither has. `catalog.recipes` turns an entry into a plan; the search shows them.
"""
