"""Who waits for an engine, and who is next: decides, performs nothing."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Generic, TypeVar

Ticket = TypeVar("Ticket")


class LineFull(Exception):
    """Nobody more may wait."""


class WaitingLine(Generic[Ticket]):
    """A bounded line that is fair between clients: they are served in turn, each client's own
    tickets in order. Tickets are any hashable objects."""

    def __init__(self) -> None:
        self._by_client: OrderedDict[str, deque[Ticket]] = OrderedDict()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def join(self, ticket: Ticket, client: str, *, limit: int) -> None:
        """Wait at the end of one's client's own line. Raises LineFull when `limit` wait already."""
        if self._length >= limit:
            raise LineFull
        self._by_client.setdefault(client, deque()).append(ticket)
        self._length += 1

    def leave(self, ticket: Ticket, client: str) -> bool:
        """Stop waiting. False if the ticket no longer waits."""
        own = self._by_client.get(client)
        if own is None or ticket not in own:
            return False
        own.remove(ticket)
        self._forget_if_empty(client, own)
        return True

    def next(self) -> Ticket | None:
        """The ticket whose turn it is; its client goes to the end of the round. None if empty."""
        if not self._by_client:
            return None
        client, own = next(iter(self._by_client.items()))
        ticket = own.popleft()
        self._by_client.move_to_end(client)
        self._forget_if_empty(client, own)
        return ticket

    def in_order(self) -> list[Ticket]:
        """Everybody who waits, in the order of their turns."""
        rounds = [deque(own) for own in self._by_client.values()]
        order: list[Ticket] = []
        while rounds:
            order += [own.popleft() for own in rounds]
            rounds = [own for own in rounds if own]
        return order

    def _forget_if_empty(self, client: str, own: deque[Ticket]) -> None:
        self._length -= 1
        if not own:
            del self._by_client[client]
