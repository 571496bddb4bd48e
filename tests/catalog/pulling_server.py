"""A server reduced to its pulls, for tests that kill it: takes up what was interrupted, pulls the
names on its command line, prints how far it is, and ends when all is done."""

from __future__ import annotations

import asyncio
import os
import sys

import django


async def serve(names: list[str]) -> None:
    from inference.catalog import jobs

    await jobs.start()
    for name in names:
        await jobs.pull(name)
    while active := jobs.active_jobs():
        for status in active:
            print(f"{status.fraction:.4f} {status.step}", flush=True)
        await asyncio.sleep(0.02)
    print("idle", flush=True)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "npuconsole.settings")
    django.setup()
    asyncio.run(serve(sys.argv[1:]))
