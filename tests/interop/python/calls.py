"""Unary calls of docs/protocol.md, both directions."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import messages
import payload
from messages import CallError, CallFields, Flag
from service import Call
from wire import Disposition, Metadata, Reader, Refusal, Status, Violation

if TYPE_CHECKING:
    from session import Session

MAX_EARLY_CANCELS = 2_048
EARLY_CANCEL_S = 10.0


class Calls:
    """Requests of ours that wait for an answer, and requests of the other end that run."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._next_id = 0
        self._waiting: dict[int, asyncio.Future[tuple[Any, Metadata]]] = {}
        self._running: dict[int, asyncio.Task[None]] = {}
        self._early_cancels: dict[int, float] = {}

    @property
    def is_idle(self) -> bool:
        """Whether all requests of ours are answered."""
        return not self._waiting

    @property
    def runs_nothing(self) -> bool:
        return not self._running

    async def request(self, method: str, value: Any = b"", **fields: Any) -> Any:
        """
        Call a method of the other end; cancelling the task cancels the call.

        @raise CallError: what it was answered, or DEADLINE_EXCEEDED.
        """
        answer, _metadata = await self.request_with_metadata(method, value, **fields)
        return answer

    async def request_with_metadata(self, method: str, value: Any = b"", **fields: Any) -> tuple[Any, Metadata]:
        call_id = self._next_id
        self._next_id += 1
        call = CallFields(method, **fields)
        answered: asyncio.Future[tuple[Any, Metadata]] = asyncio.get_event_loop().create_future()
        self._waiting[call_id] = answered
        self._session.send_message(messages.request(call_id, call, value))
        try:
            return await asyncio.wait_for(answered, call.timeout_ms / 1000 if call.timeout_ms else None)
        except asyncio.TimeoutError:
            self._session.send_message(messages.cancel(call_id))
            raise CallError(Status.DEADLINE_EXCEEDED, "Out of time", Disposition.PERHAPS_PROCESSED) from None
        except asyncio.CancelledError:
            self._session.send_message(messages.cancel(call_id))
            raise
        finally:
            del self._waiting[call_id]
            self._session.on_settled()

    def on_answer(self, reader: Reader) -> None:
        flags = messages.read_flags(reader, Flag.METADATA)
        waiting = self._waiting.get(reader.varint())
        try:
            metadata = reader.metadata() if flags & Flag.METADATA else []
            answer = payload.decode(reader.varint(), reader.rest())
        except Refusal as refusal:
            if waiting is not None and not waiting.done():
                waiting.set_exception(CallError(refusal.status, str(refusal)))
            return
        if waiting is not None and not waiting.done():
            waiting.set_result((answer, metadata))

    def on_failure(self, reader: Reader) -> None:
        flags = reader.unsigned(1)
        waiting = self._waiting.get(reader.varint())
        error = messages.read_failure(reader, flags)
        if waiting is not None and not waiting.done():
            waiting.set_exception(error)

    def fail_oversize(self, call_id: int) -> None:
        waiting = self._waiting.get(call_id)
        if waiting is not None and not waiting.done():
            waiting.set_exception(CallError(Status.RESOURCE_EXHAUSTED, "The answer is too large"))

    def on_request(self, reader: Reader) -> None:
        flags = messages.call_flags(reader)
        call_id = reader.varint()
        if call_id in self._running:
            raise Violation(f"Call {call_id} is in progress")
        if self._early_cancels.pop(call_id, 0) > asyncio.get_event_loop().time():
            return
        try:
            fields = messages.read_call_fields(reader, flags)
            value = payload.decode(reader.varint(), reader.rest())
        except Refusal as refusal:
            return self._refuse(call_id, refusal.status, str(refusal))
        if self._session.refuses:
            return self._refuse(call_id, Status.UNAVAILABLE, "Going away")
        method = self._session.service.methods.get(fields.method)
        if method is None or method.many_requests or method.many_answers:
            return self._refuse(call_id, Status.UNIMPLEMENTED, f"No unary method {fields.method}")
        call = Call(self._session, fields)
        self._running[call_id] = self._session.spawn(self._serve(call_id, method.handler, call, value))

    def refuse_oversize(self, call_id: int) -> None:
        self._refuse(call_id, Status.RESOURCE_EXHAUSTED, "The request is too large")

    def on_cancel(self, reader: Reader) -> None:
        call_id = reader.varint()
        reader.end()
        running = self._running.get(call_id)
        if running is not None:
            running.cancel()
            return
        # It may have been answered already, or be on its way: nobody can tell.
        self._early_cancels[call_id] = asyncio.get_event_loop().time() + EARLY_CANCEL_S
        while len(self._early_cancels) > MAX_EARLY_CANCELS:
            del self._early_cancels[next(iter(self._early_cancels))]

    def on_closed(self) -> None:
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(
                    CallError(Status.UNAVAILABLE, "The connection ended", Disposition.PERHAPS_PROCESSED)
                )
        for running in self._running.values():
            running.cancel()

    def _refuse(self, call_id: int, status: Status, message: str) -> None:
        error = CallError(status, message, Disposition.NOT_PROCESSED)
        self._session.send_message(messages.failure(call_id, error))

    async def _serve(self, call_id: int, handler: Any, call: Call, value: Any) -> None:
        try:
            message = messages.answer(call_id, await call.limited(handler(call, value)), call.answer_metadata)
            self._session.send_message(message)
        except CallError as error:
            self._session.send_message(messages.failure(call_id, error))
        finally:
            del self._running[call_id]
            self._session.on_settled()
