"""What a call may come to at most, in tokens and in money, before and while it is answered; pure."""

from datetime import UTC, datetime
from typing import NamedTuple

from libs.catalog.billing.charging import tokens_of
from libs.catalog.billing.holds import SLICE, extension, hold_bound
from libs.catalog.model import Catalog, RateCard, Route, Thinking
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from services.worker import callers, domain

_USUAL_OUTPUT = 256  # tokens, where no limit was given
# What vendors put into a prompt of their own accord: the frame of a chat, and instructions where tools or a schema are
# given (https://docs.claude.com/en/docs/agents-and-tools/tool-use/overview lists up to 530 tokens for them).
_FRAME_TOKENS = 64
_INSTRUCTIONS_TOKENS = 1_024
# How a body, in the edge's own writing, names what it does not hold: documents by link or file, and what the vendor's
# own tools and servers bring. Quotes inside a text are escaped, so these find members.
_LINKED = (b'"type":"url"', b'"type":"file"')
_BROUGHT = (
    b'"type":"web_search_',
    b'"type":"web_fetch_',
    b'"mcp_servers":[{',
    b'"web_search_options":{',
    b'"file_id":',
)


class Asked(NamedTuple):
    """A caller's body as it came: its bytes, and whether the prompt may be longer than all that stands in it."""

    size: int
    names_more: bool = False

    @classmethod
    def of(cls, body: bytes) -> "Asked":
        linked = b'"type":"document"' in body and any(each in body for each in _LINKED)
        return cls(len(body), linked or any(each in body for each in _BROUGHT))


class Reckoning(NamedTuple):
    """One call on one route. A token is at least a byte, so bytes bound tokens: of the prompt, and of output seen.

    `limit`: output tokens that the whole answer cannot exceed. `seen`: whether output shows as it is made, so that it
    may be held for in slices; else the money for all of it must be there from the beginning.
    """

    catalog: Catalog
    route: Route
    at: datetime
    prompt_bytes: int
    images: int
    added_tokens: int
    limit: int
    seen: bool
    rate_tokens: int  # what the limits of tokens a minute count
    byok: bool = False  # the provider is paid by the account itself, and we the routing fee alone

    @property
    def first(self) -> int:
        """Output tokens to hold for before anything is sent."""
        return min(SLICE, self.limit) if self.seen else self.limit

    def bound(self, tokens: int) -> int:
        """Nano-units that cover the prompt and so many tokens of output."""
        return hold_bound(
            self.catalog,
            self.route,
            at=self.at,
            text_bytes=self.prompt_bytes,
            images=self.images,
            added_tokens=self.added_tokens,
            max_tokens=tokens,
            slice=tokens,
            byok=self.byok,
        )

    def more(self, tokens: int) -> int:
        """Nano-units for so many tokens of output on top of what a bound covers."""
        return extension(
            self.catalog,
            self.route,
            tokens,
            at=self.at,
            byok=self.byok,
            prompt_bound=self.prompt_bytes + self.added_tokens + self.images * self._card.image_tokens,
        )

    def first_within(self, nano: int) -> int:
        """The most tokens of output of the first slice whose bound is not above `nano`; 0: not even one."""
        low, high = 0, self.first
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.bound(middle) <= nano else (low, middle - 1)
        return low

    def more_within(self, nano: int, most: int) -> int:
        """The most further tokens, up to `most`, that cost no more than `nano`; 0: not even one."""
        low, high = 0, most
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.more(middle) <= nano else (low, middle - 1)
        return low

    @property
    def _card(self) -> RateCard:
        return self.catalog.card_of(self.route)


def reckon(catalog: Catalog, route: Route, envelope: Envelope, asked: Asked) -> Reckoning:
    """All in a body but the images may become tokens; with what it only names, all that the model's window holds."""
    shape = envelope.shape
    choices = max(1, shape.choices)
    prompt = max(0, asked.size - shape.image_bytes)
    limit, usual = shape.max_tokens * choices, 0
    if not limit and not callers.is_anthropic(envelope):  # those have to name one, and 0 warms a cache
        limit, usual = _unasked(route, envelope) * choices, _USUAL_OUTPUT * choices
    added = _FRAME_TOKENS + (_INSTRUCTIONS_TOKENS if shape.tools or shape.schema else 0)
    return Reckoning(
        catalog=catalog,
        route=route,
        at=received_at(envelope),
        prompt_bytes=prompt,
        images=shape.images,
        added_tokens=added + (route.capabilities.context_window if asked.names_more else 0),
        limit=limit,
        seen=shape.stream and not _thinks_unseen(route, asked=shape.thinking),
        byok=envelope.policy.byok,
        rate_tokens=tokens_of(prompt) + (usual or limit),
    )


def received_at(envelope: Envelope) -> datetime:
    """The moment on whose terms a call is held for and billed, by whoever reckons."""
    return datetime.fromtimestamp(envelope.received_at_ms / 1000, UTC)


def _unasked(route: Route, envelope: Envelope) -> int:
    """Output tokens where the caller named no limit: a Claude needs one, so ours is sent; others go as far as they can.

    With thoughts, ours is what is left beside them.
    """
    can = route.capabilities
    ours = domain.is_claude(route) and not envelope.shape.thinking
    return can.default_max_tokens if ours else can.max_output_tokens


def _thinks_unseen(route: Route, *, asked: bool) -> bool:
    """Whether more is billed than is shown: thoughts are kept back, or summed up."""
    can = route.capabilities
    match can.thinking:
        case Thinking.NONE:
            return False
        case Thinking.BUDGET | Thinking.ADAPTIVE if domain.is_claude(route):
            return asked or can.always_thinks
        case _:
            return True
