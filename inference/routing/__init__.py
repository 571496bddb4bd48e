"""The parts of `inference.router`, which is the name to import from.

Its reasons, the values that go in and come out, the verdict on one device, and the words for
people. Pure: neither Django nor asyncio.
"""
