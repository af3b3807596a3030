"""The seam to a provider's wire format: what goes out for one request, and what is made of what comes back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from libs.catalog.model import Route
from libs.contracts.errors import NorthernError
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from libs.contracts.northern.v1.frames_pb2 import Usage
from services.worker.upstream.ways_out import WayOut


class Decoder(Protocol):
    """The provider's answer, turned into the client's dialect as it comes; sans-IO."""

    @property
    def started(self) -> bool:
        """Whether content (not only a role) has been seen."""

    @property
    def complete(self) -> bool:
        """Whether the provider said that it is done."""

    @property
    def error(self) -> NorthernError | None:
        """What the provider said when it failed in mid-answer."""

    @property
    def usage(self) -> Usage | None:
        """What the provider said it used."""

    @property
    def output_bytes(self) -> int:
        """Bytes of model output so far."""

    def feed(self, data: bytes) -> bytes:
        """Bytes of a stream in, whole events for the client out. Raises UpstreamError for garbage."""

    def finish(self) -> bytes:
        """What the client gets last, once the record of the answer is durable."""

    def whole(self, body: bytes) -> bytes:
        """A non-streamed answer in the client's dialect. Raises UpstreamError for garbage."""


@dataclass(frozen=True, kw_only=True)
class Estimated:
    """An answer made here, in the client's dialect, where the provider has none to give: no content, no cost.

    Inside a Prepared it stands for a refusal that `replaces` says it may; `noted` is then told.
    """

    body: bytes
    replaces: Callable[[NorthernError], bool] = lambda _: False
    noted: Callable[[], None] = lambda: None


@dataclass(kw_only=True)
class Prepared:
    """One call, ready to be sent: `body` byte for byte as it leaves, let go of once it has left."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    decoder: Decoder
    dropped: tuple[str, ...] = field(default=())
    estimated: Estimated | None = None


class Provider(Protocol):
    """One wire format on one way out."""

    async def prepare(self, envelope: Envelope, body: bytes, route: Route, way: WayOut) -> Prepared | Estimated:
        """Translate and sign. Raises InvalidRequest for what this route cannot honour."""

    def refusal(self, status: int, headers: Mapping[str, str], body: bytes) -> NorthernError:
        """What an answer other than 200 means for the caller; never with a credential in it."""

    def image_limit(self, route: Route, *, counting: bool) -> int | None:
        """Bytes of one image that must arrive as bytes; 0: the provider fetches by itself; None: no image is sent."""
