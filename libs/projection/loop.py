"""The reader of facts: EVENTS followed for one purpose."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from libs.bus.base import Stored
from libs.contracts.subjects import EVENTS
from libs.projection.base import Placed
from libs.projection.facts import facts_in
from libs.projection.following import Following


@dataclass(kw_only=True)
class Projection(Following[Placed]):
    """`libs.projection.following.Following` over the facts of requests."""

    stream: str = EVENTS
    read: Callable[[Stored], Sequence[Placed] | None] = facts_in
