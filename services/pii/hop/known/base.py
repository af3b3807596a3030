"""What is asked of the exchange of texts for texts with substitutes, and what it gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from services.pii.account_policies.watched import Chosen
from services.pii.hop.finding import Turn
from services.pii.hop.known.listing import Made
from services.pii.hop.known.texts import Conversation, KnownText
from services.pii.replies.restoring import Restoring
from services.pii.requests.spots import Texts


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """One request: its texts, its policy, the keys of its account, and for how far substitutes stay the same.

    `remembered`: what it comes to is worth knowing for the next one.
    """

    texts: Texts
    chosen: Chosen
    text_key: bytes = field(repr=False)
    key: bytes = field(repr=False)
    scope: str
    turn: Turn
    remembered: bool = False

    @property
    def apart(self) -> bool:
        """Whether secrets are not to come back."""
        return not self.chosen.policy.restore_secrets


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchanged:
    """All the texts, and what was `made` in those that were not known; `grown` by so many bytes.

    `conversation`: what is known from now on. None: it is not to be, as it may differ for who adds to these texts.
    """

    texts: Sequence[KnownText]
    made: Sequence[Made] = field(default=(), repr=False)
    counts: Mapping[str, int] = field(default_factory=dict)
    grown: int = 0
    conversation: Conversation | None = None
    restoring: Restoring | None = None
