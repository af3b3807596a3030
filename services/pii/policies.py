"""An account's policy for personal data, as its owner writes it."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from libs.contracts.errors import InvalidRequest
from services.pii.entities import EntityType

_Phrase = Annotated[str, Field(min_length=1, max_length=200)]
_MOST_PHRASES = 10_000
_MOST_PATTERNS = 50


class Strict(StrEnum):
    """What happens to what the detector is not sure of: nothing, masked all the same, the request refused."""

    OFF = "off"
    MASK = "mask"
    REFUSE = "refuse"


class Scope(StrEnum):
    """How far a substitute stays the same."""

    ACCOUNT = "account"
    CONVERSATION = "conversation"


class Images(StrEnum):
    BLOCK = "block"
    ALLOW = "allow"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Pattern(_Model):
    """A customer's own pattern, in RE2's syntax."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
    regex: Annotated[str, Field(min_length=1, max_length=1_000)]


class Policy(_Model):
    """`types` holds what differs from the default, which is everything on."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")] = "default"
    types: dict[EntityType, bool] = {}
    allow: Annotated[tuple[_Phrase, ...], Field(max_length=_MOST_PHRASES)] = ()
    deny: Annotated[tuple[_Phrase, ...], Field(max_length=_MOST_PHRASES)] = ()
    patterns: Annotated[tuple[Pattern, ...], Field(max_length=_MOST_PATTERNS)] = ()
    strict: Strict = Strict.OFF
    scope: Scope = Scope.ACCOUNT
    images: Images = Images.BLOCK
    restore_secrets: bool = True


def read_policy(raw: bytes | str | object) -> Policy:
    """A policy from JSON text or from what JSON gave. Raises InvalidRequest that names the member at fault."""
    try:
        return Policy.model_validate_json(raw) if isinstance(raw, bytes | str) else Policy.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        param = ".".join(str(part) for part in first["loc"] if part != "[key]")[:64]
        said = first["msg"]
        if not param:
            raise InvalidRequest("a policy is a JSON object; send its members") from None
        raise InvalidRequest(f"`{param}`: {said[:1].lower()}{said[1:]}", param=param) from None
