"""What one end offers: methods, listeners of events, handlers of media streams."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from messages import CallError, CallFields
from wire import Metadata, Status

if TYPE_CHECKING:
    from session import Session


@dataclass(frozen=True)
class Method:
    """A handler gets its call and one value, or an async iterator of them; it returns a value, or is a generator."""

    handler: Callable[[Call, Any], Any]
    many_requests: bool
    many_answers: bool


class Call:
    """One call, as its handler sees it."""

    def __init__(self, session: Session, fields: CallFields) -> None:
        self.session = session
        self.fields = fields
        self.answer_metadata: Metadata = []
        self._until = asyncio.get_event_loop().time() + fields.timeout_ms / 1000 if fields.timeout_ms else None

    @property
    def left_ms(self) -> float | None:
        """Milliseconds until its deadline."""
        return None if self._until is None else (self._until - asyncio.get_event_loop().time()) * 1000

    async def limited(self, work: Awaitable[Any]) -> Any:
        """@raise CallError: DEADLINE_EXCEEDED when the deadline passes first."""
        try:
            return await asyncio.wait_for(work, None if self.left_ms is None else max(0.0, self.left_ms / 1000))
        except asyncio.TimeoutError:
            raise CallError(Status.DEADLINE_EXCEEDED, "Out of time") from None


class Service:
    """Filled before the first connection."""

    def __init__(self) -> None:
        self.methods: dict[str | int, Method] = {}
        self.listeners: dict[str, Callable[[Session, Any], None]] = {}
        self.streams: dict[str, Callable[[Session, Any], Awaitable[None]]] = {}

    def method(self, name: str, many_requests: bool = False, many_answers: bool = False) -> Callable[[Any], Any]:
        """Decorates the handler of a method."""

        def register(handler: Any) -> Any:
            self.methods[name] = Method(handler, many_requests, many_answers)
            return handler

        return register

    def listener(self, name: str) -> Callable[[Any], Any]:
        """Decorates a listener of an event."""

        def register(listener: Any) -> Any:
            self.listeners[name] = listener
            return listener

        return register

    def stream(self, name: str) -> Callable[[Any], Any]:
        """Decorates the handler of media streams of a name."""

        def register(handler: Any) -> Any:
            self.streams[name] = handler
            return handler

        return register
