"""`serve`: one process, one event loop, daphne on it, and the appliance beside it.

Order of the start: lock, log, tables, rows, application, socket; only then the address is printed.
Order of the stop: sockets close, open requests are cancelled, the appliance stops its engines and
pulls; what has not ended then is left to the end of the process, five seconds after the signal.
"""

from __future__ import annotations

# It installs Twisted's asyncio reactor, so it comes before anything that may import a reactor.
import daphne.server  # isort: skip

import asyncio
import logging
import os
import sys
import threading
import time
from typing import Any

from twisted.internet import defer, error
from twisted.python.failure import Failure

from inference import appliance, configuration, environment, snapshot
from inference.catalog import starter
from npuconsole import listening, preparation
from npuconsole.announcement import announce
from npuconsole.refusals import StartRefused

log = logging.getLogger(__name__)

BACKLOG = 2048  # 100 simultaneous connects wait a second with daphne's 50 (measured)
CANCEL_SECONDS = 2.0
STOP_SECONDS = 4.5


def serve() -> None:
    """Run the appliance until Ctrl-C, SIGTERM or CTRL_BREAK. Raises StartRefused."""
    began = time.perf_counter()
    home = environment.home()
    with preparation.only_instance(home):
        preparation.write_log_file(home)
        for name in environment.unknown():
            log.warning("%s is set, but npuconsole knows no such variable", name)
        preparation.prepare_models_folder()
        preparation.prepare_database()
        settings = configuration.load_settings()
        listening.allow_names(settings["host"], settings["allowed_hosts"])
        # A client may come with the first moment of listening: it must find the models there.
        starter.announce()
        snapshot.replace_with(configuration.load())
        with preparation.step("loading the application"):
            preparation.check_packages()
            from apis import backpressure
            from npuconsole.asgi import application

            backpressure.install()
        server = Server(application, settings["host"], settings["port"], began)
        server.run()
    if server.refusal:
        raise StartRefused(server.refusal)


class Server(daphne.server.Server):  # type: ignore[misc]
    """daphne's server with a background appliance, a truthful address line and a bounded stop."""

    def __init__(self, application: Any, host: str, port: int, began: float) -> None:
        self.host = host
        self.port = port
        self.began = began
        self.refusal = ""
        self._ports: list[Any] = []
        super().__init__(
            application,
            endpoints=[endpoint(listening.resolve(host), port)],
            ready_callable=self._begin,
            server_name="npuconsole",
            verbosity=0,
        )

    def listen_success(self, port: Any) -> None:
        """Keep the socket, so that it can be closed first at the stop."""
        super().listen_success(port)
        self._ports.append(port)

    def listen_error(self, failure: Failure) -> None:
        """Turn the failure into one line; `serve` raises it when the reactor is done."""
        self.refusal = _cannot_listen(self.host, self.port, failure.value)
        self.stop()

    def kill_all_applications(self) -> defer.Deferred[None]:
        """Stop in order. Replaces daphne's, which waits for ever and fails on idle connections."""
        watchdog = threading.Timer(STOP_SECONDS, _leave)
        watchdog.daemon = True
        watchdog.start()
        return defer.Deferred.fromFuture(asyncio.ensure_future(self._shut_down()))

    def _begin(self) -> None:
        daphne.server.twisted_loop.call_soon(self._listening)

    def _listening(self) -> None:
        self._start = asyncio.ensure_future(appliance.start())
        host, port = self.listening_addresses[0]
        url = listening.url_of(host, port)
        listening.note(host, port)
        announce(environment.home(), url)
        seconds = time.perf_counter() - self.began
        reach = ", reachable from other machines" if host in listening.EVERYWHERE else ""
        print(f"npuconsole is listening on {url}{reach} (after {seconds:.1f} s)", flush=True)

    async def _shut_down(self) -> None:
        log.info("stopping")
        await asyncio.gather(
            *(port.stopListening().asFuture(asyncio.get_running_loop()) for port in self._ports),
            return_exceptions=True,
        )
        running = [
            task
            for details in self.connections.values()
            if (task := details.get("application_instance")) is not None and not task.done()
        ]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=CANCEL_SECONDS)
        from npuconsole.console.models.work import chores

        await chores.close()
        await appliance.stop()


def endpoint(address: str, port: int) -> str:
    """Twisted's description of a listening socket. Colons in IPv6 addresses are escaped."""
    interface = address.replace(":", r"\:")
    return f"tcp:port={port}:interface={interface}:backlog={BACKLOG}"


def _cannot_listen(host: str, port: int, problem: BaseException) -> str:
    cause = problem.socketError if isinstance(problem, error.CannotListenError) else problem
    number = getattr(cause, "errno", None)
    if number in (98, 48, 10048):  # EADDRINUSE on Linux, macOS and Windows
        return (
            f"Port {port} on {host} is in use by another program; NPU_PROXY_PORT can name another"
        )
    if number in (13, 10013):
        return f"Port {port} on {host} needs permission; NPU_PROXY_PORT can name another"
    if number in (99, 49, 10049):
        return listening.not_ours(host)
    return f"Cannot listen on {host} port {port}: {cause}"


def _leave() -> None:
    """The end of a stop that took too long: something native or a thread does not let go."""
    print("npuconsole: stopped without waiting for everything to end", file=sys.stderr, flush=True)
    os._exit(1)
