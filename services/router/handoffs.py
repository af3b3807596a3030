"""Requests that were handed to a worker a moment ago, for as long as the broker may say that nobody was there."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from libs.contracts.northern.v1.envelope_pb2 import Envelope

_FOR_S = 2.0  # "no responders" comes at once or never
_MOST_BYTES = 32 << 20


@dataclass(kw_only=True)
class OnTheirWay:
    """Whole where there is another candidate and room for it; otherwise what a refusal needs."""

    now: Callable[[], float] = time.monotonic
    kept: "OrderedDict[str, tuple[float, Envelope, int]]" = field(default_factory=OrderedDict)
    size: int = 0

    def keep(self, token: str, envelope: Envelope, size: int) -> None:
        """`size` in bytes, as it was sent. The envelope is the caller's no more."""
        now = self.now()
        while self.kept and next(iter(self.kept.values()))[0] < now - _FOR_S:
            self.size -= self.kept.popitem(last=False)[1][2]
        if not envelope.slip[1:] or self.size + size > _MOST_BYTES:
            envelope, size = Envelope(request_id=envelope.request_id, reply=envelope.reply), 0
        self.kept[token] = (now, envelope, size)
        self.size += size

    def pop(self, token: str, *, no_responders: bool) -> Envelope | None:
        """What was kept, where it is the broker's own refusal; anybody else's word counts for nothing."""
        if not no_responders or token not in self.kept:
            return None
        _, envelope, size = self.kept.pop(token)
        self.size -= size
        return envelope
