"""Who speaks OpenAI's format, and what one request asks for in it that no other format has."""

from dataclasses import dataclass
from enum import StrEnum

from services.sandbox.domain import Ask


class House(StrEnum):
    """Credentials, error bodies and a few fields differ."""

    OPENAI = "openai"
    AZURE = "azure"
    SELF_HOSTED = "self-hosted"


@dataclass(frozen=True, kw_only=True)
class ChatAsk(Ask):
    """`logprobs`: how many alternatives, None: none are wanted. `obfuscated`: chunks hide how long their text is.

    `usage_in_each`: every chunk carries the usage so far.
    """

    logprobs: int | None = None
    obfuscated: bool = False
    usage_in_each: bool = False
