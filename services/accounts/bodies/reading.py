"""Callers' JSON into values: strict, bounded, unknown members refused, and every refusal names the member at fault."""

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Final, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from libs.contracts.errors import InvalidRequest

_PLACES: Final = 9  # nano-units
_MOST: Final = Decimal(999_999_999)
_SHOWN: Final = 64  # characters of a name of the caller's that are repeated

B = TypeVar("B", bound="Body")


class Body(BaseModel):
    """A JSON object. What was not sent keeps its default and is not in `model_fields_set`."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)

    def given(self, name: str) -> bool:
        return name in self.model_fields_set


def read(kind: type[B], raw: bytes, context: dict[str, Any] | None = None) -> B:
    """The body as `kind`; an empty one is an empty object. Raises InvalidRequest."""
    try:
        return kind.model_validate_json(raw or b"{}", context=context)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise _refusal(first, kind) from None


def refuse(sentence: str) -> PydanticCustomError:
    """What a validator of ours raises: the sentence goes on after the member's name."""
    return PydanticCustomError("ours", "{sentence}", {"sentence": sentence})


def _refusal(error: ErrorDetails, kind: type[Body]) -> InvalidRequest:
    loc = [part for part in error["loc"] if isinstance(part, str)]
    param = ".".join(_plain(part) for part in loc)
    match error["type"]:
        case "json_invalid":
            return InvalidRequest("the body is not JSON that can be read; send a JSON object")
        case "model_type" | "model_attributes_type" if not loc:
            return InvalidRequest("the body must be a JSON object")
        case "extra_forbidden":
            known = ", ".join(sorted(kind.model_fields)) if len(loc) == 1 else ""
            hint = f"; known are {known}" if known else ""
            return InvalidRequest(f"`{param}` is not a member here{hint}", param=param)
        case "missing":
            return InvalidRequest(f"`{param}` is missing; send it", param=param)
        case _:
            said = error["msg"]
            return InvalidRequest(f"`{param}`: {said[:1].lower()}{said[1:]}", param=param)


def _plain(text: str) -> str:
    shown = "".join(char if char.isprintable() and char.isascii() else "?" for char in text)
    return shown[:_SHOWN]


def _name(text: str) -> str:
    trimmed = text.strip()
    if not trimmed or not trimmed.isprintable():
        raise refuse("must be a text of printable characters")
    return trimmed


def _amount(value: Decimal) -> str:
    if not value.is_finite() or value < 0:
        raise refuse("must not be negative")
    if value > _MOST:
        raise refuse(f"must be at most {_MOST}")
    exponent = value.normalize().as_tuple().exponent
    if isinstance(exponent, int) and -exponent > _PLACES:
        raise refuse(f"must have at most {_PLACES} decimal places")
    return f"{abs(value.normalize()):f}"


def _unique(values: list[str]) -> list[str]:
    return list(dict.fromkeys(values))


def one_of(allowed: Callable[[], tuple[str, ...]]) -> Callable[[str], str]:
    """A validator that names what is allowed."""

    def check(value: str) -> str:
        if value not in allowed():
            raise refuse(f"must be one of {', '.join(allowed())}")
        return value

    return check


Name = Annotated[str, Field(max_length=128), AfterValidator(_name)]
# A decimal string, or a JSON number; kept as the string that records hold.
Amount = Annotated[Decimal, Field(max_digits=40), AfterValidator(_amount)]
Names = Annotated[list[Annotated[str, Field(max_length=256)]], Field(max_length=100), AfterValidator(_unique)]
