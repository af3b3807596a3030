"""What one call to a provider showed: when, from whom, how much; and what is stated of it on record."""

import hmac
import time
from collections.abc import Mapping
from dataclasses import InitVar, dataclass, field
from typing import Final

from libs.contracts.northern.v1.facts_pb2 import Finished, Outcome
from libs.contracts.northern.v1.frames_pb2 import End
from services.worker.money.charge import Charge
from services.worker.upstream.endpoint import Answered, Peer, endpoint_of, request_id_of, returned_by

_NOBODY: Final = Peer()


@dataclass(kw_only=True, slots=True)
class Seen:
    """Times are monotonic seconds; 0: has not happened. `forwarded`: bytes of model output that were passed on.

    `authority` and `peer` are those of the connection: as long as an answer lasts, no more is kept of who it is from.
    """

    salt: InitVar[bytes]
    began: float = field(default_factory=time.monotonic)
    dialled: float = 0.0
    answered: float = 0.0
    first: float = 0.0
    last: float = 0.0
    ended: float = 0.0
    status: int = 0
    authority: str = ""
    peer: Peer = _NOBODY
    provider_request_id: str = ""
    forwarded: int = 0
    returned: Mapping[str, str] = field(default_factory=dict)

    _hash: hmac.HMAC = field(init=False)

    def __post_init__(self, salt: bytes) -> None:
        self._hash = hmac.new(salt, digestmod="sha256")

    def answers(self, response: Answered) -> None:
        """The head of an answer."""
        self.answered = self.last = time.monotonic()
        self.status, self.authority, self.peer = response.status, response.authority, response.peer
        self.provider_request_id = request_id_of(response.headers)
        self.returned = returned_by(response.headers)

    def came(self, part: bytes) -> None:
        """A part of its body."""
        self.last = time.monotonic()
        self._hash.update(part)

    def content(self) -> None:
        """What came last holds content, or says that there is some."""
        self.first = self.first or self.last

    def over(self) -> None:
        """Whatever follows is no longer this call's time."""
        self.ended = self.ended or time.monotonic()

    def total_ms(self) -> int:
        return _ms((self.ended or time.monotonic()) - self.began)

    def called_ms(self) -> int:
        """From dialling to the end."""
        return _ms((self.ended or time.monotonic()) - self.dialled) if self.dialled else 0

    def provider_us(self) -> int:
        """From dialling to the first content."""
        return int(((self.first or time.monotonic()) - self.dialled) * 1e6) if self.dialled else 0

    def finished(self, outcome: Outcome, charged: Charge, error_code: str) -> Finished:
        """The end as far as the call itself shows it."""
        finished = Finished(
            outcome=outcome,
            error_code=error_code,
            usage=charged.usage,
            cost_nano=charged.cost_nano,
            currency=charged.currency,
            billed_nano=charged.billed_nano,
            billed_currency=charged.billed_currency,
            provider_status=self.status,
            endpoint=endpoint_of(self.authority, self.peer, self.provider_request_id),
            response_hash=self._hash.digest() if self.status else b"",
            first_byte_ms=_ms(self.first - self.dialled) if self.first else 0,
            total_ms=self.total_ms(),
            output_bytes=self.forwarded,
        )
        if self.returned:
            finished.returned.update(self.returned)
        return finished


def end_of(charged: Charge) -> End:
    """The same for who waits for the answer."""
    return End(
        usage=charged.usage,
        cost_nano=charged.cost_nano,
        currency=charged.currency,
        billed_nano=charged.billed_nano,
        billed_currency=charged.billed_currency,
    )


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1000))
