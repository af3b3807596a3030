"""Frames of an answer on their way back: restored as a stream or whole, nothing sent that is still held; no IO."""

from dataclasses import dataclass
from typing import Final

from libs.contracts.errors import RequestTooLarge
from libs.contracts.northern.v1.frames_pb2 import End, Failure, Frame, Head
from services.pii.hop.base import Lane, Restoration

MAX_WHOLE: Final = 64 << 20  # as the edge has it


@dataclass(frozen=True, kw_only=True, slots=True)
class Out:
    """What goes on to the edge, in the order of a frame's parts."""

    head: Head | None = None
    data: bytes = b""
    output_bytes: int = 0
    end: End | None = None
    failure: Failure | None = None


class _Untouched:
    """The lane of an answer in which there is nothing to restore."""

    def feed(self, data: bytes) -> bytes:
        return data

    def close(self) -> bytes:
        return b""


class Passing:
    """One answer. `begun`: its head went on, so that from here on an error can only end it."""

    def __init__(self, restoration: Restoration | None) -> None:
        self._restoration = restoration
        self._lane: Lane = _Untouched()
        self._head: Head | None = None  # of an answer that is read whole: it goes with its end
        self._whole = False
        self._parts: list[bytes] = []
        self._size = self._output = 0
        self.begun = False

    def over(self, frame: Frame) -> bool:
        """Whether nothing follows."""
        return frame.HasField("end") or frame.HasField("failure")

    def take(self, frame: Frame) -> Out | None:
        """What is due after this frame; None: nothing. Raises RequestTooLarge."""
        if frame.HasField("head"):
            self._begin(frame.head)
        self._output = max(self._output, frame.output_bytes)
        if frame.HasField("failure"):
            return Out(data=self.held(), output_bytes=self._output, failure=self._said(frame.failure))
        data, end = self._restored(frame), frame.end if frame.HasField("end") else None
        head = None if self._whole and end is None else self._head
        if head is None and not data and end is None:
            return None
        if head is not None:
            self._head, self.begun = None, True
        return Out(head=head, data=data, output_bytes=self._output, end=end)

    def held(self) -> bytes:
        """What a stream that breaks off still holds; of a whole answer that is no answer, nothing."""
        if self._whole or not self.begun:
            return b""
        lane, self._lane = self._lane, _Untouched()
        return lane.close()

    def _begin(self, head: Head) -> None:
        self._head = head
        if self._restoration is None:
            return
        self._whole = not head.stream
        self._lane = self._restoration.stream() if head.stream else self._restoration.whole()

    def _restored(self, frame: Frame) -> bytes:
        if not self._whole:
            data = self._lane.feed(frame.data) if frame.data else b""
            return data + self._lane.close() if frame.HasField("end") else data
        self._size += len(frame.data)
        if self._size > MAX_WHOLE:
            raise RequestTooLarge("the answer is larger than 64 MiB; ask for it as a stream")
        self._parts.append(frame.data)
        if not frame.HasField("end"):
            return b""
        whole, self._parts = b"".join(self._parts), []
        return self._lane.feed(whole) + self._lane.close()

    def _said(self, failure: Failure) -> Failure:
        """A provider may repeat what it was sent."""
        if self._restoration is not None:
            failure.message = self._restoration.sentence(failure.message)
        return failure
