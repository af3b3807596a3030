"""What an account wants substituted, as it stands in the bucket `policies`, by account; and how callers write it."""

from typing import Annotated, Any, Final, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from libs.contracts.errors import InvalidRequest
from services.pii.policies import Policy
from services.pii.recognizers.rules import compile_rules

MOST: Final = 32  # policies of one account
MOST_KEYS: Final = 1_000
LEAST_DAYS: Final = 1
MOST_DAYS: Final = 3_650
AUDIT_DAYS: Final = 90
BUILT_IN: Final = Policy(id="default")

_Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


class UnreadablePolicies(ValueError):
    """A value that is no such record: whoever meets one substitutes nothing and refuses."""


class AccountPolicies(BaseModel):
    """`default` and `keys` (by key id) name policies; `audit_days` is how long audit rows are kept from now on."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    default: _Name | None = None
    keys: Annotated[dict[_Name, _Name], Field(max_length=MOST_KEYS)] = Field(default_factory=dict)
    audit_days: Annotated[int, Field(strict=True, ge=LEAST_DAYS, le=MOST_DAYS)] = AUDIT_DAYS
    policies: Annotated[tuple[Policy, ...], Field(max_length=MOST)] = ()

    def named(self, name: str) -> Policy | None:
        """The policy of that name; `default` is the one that is built in, unless the account has one so named."""
        found = next((one for one in self.policies if one.id == name), None)
        return BUILT_IN if found is None and name == BUILT_IN.id else found

    def of_key(self, key_id: str) -> Policy:
        """What holds where a request names none. Raises UnreadablePolicies where the record names what is not there."""
        name = self.keys.get(key_id) or self.default or BUILT_IN.id
        if (found := self.named(name)) is None:
            raise UnreadablePolicies(name)
        return found

    def to_bytes(self) -> bytes:
        return orjson.dumps(self.model_dump(mode="json"))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Raises UnreadablePolicies, which quotes nothing of the value."""
        try:
            return cls.model_validate_json(data)
        except (ValidationError, InvalidRequest):
            raise UnreadablePolicies("not an AccountPolicies") from None


def read(body: bytes) -> AccountPolicies:
    """What a caller sends. Raises InvalidRequest naming the member."""
    try:
        said: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, dict):
        raise InvalidRequest('send {"default": …, "keys": {…}, "audit_days": …, "policies": […]}', param="pii")
    try:
        found = AccountPolicies.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = _dotted(first["loc"])
        raise InvalidRequest(f"`{where}`: {first['msg'][:1].lower()}{first['msg'][1:]}", param=where) from None
    names = [one.id for one in found.policies]
    if len(set(names)) != len(names):
        raise InvalidRequest("`pii.policies`: two policies have the same id", param="pii.policies")
    for place, one in enumerate(found.policies):
        try:
            compile_rules(one)
        except InvalidRequest as error:
            raise InvalidRequest(error.message, param=f"pii.policies.{place}.{error.param}") from None
    wanted = {"pii.default": found.default, **{f"pii.keys.{key}": name for key, name in found.keys.items()}}
    for param, name in wanted.items():
        if name is not None and found.named(name) is None:
            raise InvalidRequest(f"`{param}` names a policy that is not in `pii.policies`", param=param)
    return found


def _dotted(loc: tuple[int | str, ...]) -> str:
    parts = [str(part) if str(part).isascii() and str(part).isprintable() else "?" for part in loc]
    return ".".join(["pii", *parts])[:128]
