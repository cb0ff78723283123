"""A lock that is handed on in the order in which it was asked for, as an immutable value."""

from __future__ import annotations

from dataclasses import dataclass, replace


class NotNow(Exception):
    """The client can't do that now, and nothing has changed."""


@dataclass(frozen=True)
class Lock:
    """Who has the lock, and who waits for it."""

    holder: str | None = None
    waiting: tuple[str, ...] = ()

    def ask(self, client: str) -> Lock:
        """A client wants the lock."""
        if client == self.holder or client in self.waiting:
            raise NotNow(f"{client} has asked already")
        if self.holder is None:
            return replace(self, holder=client)
        return replace(self, waiting=(*self.waiting, client))

    def release(self, client: str) -> Lock:
        """The holder lets go; the first of those who wait is next."""
        if client != self.holder:
            raise NotNow(f"{client} does not have the lock")
        following = self.waiting[0] if self.waiting else None
        return Lock(following, self.waiting[1:])

    def give_up(self, client: str) -> Lock:
        """A client waits no longer."""
        if client not in self.waiting:
            raise NotNow(f"{client} does not wait")
        return replace(self, waiting=tuple(other for other in self.waiting if other != client))
