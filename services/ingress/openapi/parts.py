"""What a description is made of: schemas, parameters, bodies, answers, operations; values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

Schema = Mapping[str, Any]

GATEWAY: Final = "/v1"
INFERENCE: Final = "/api/v1/inference"
JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"


class Needs(StrEnum):
    """Who may call. CALLER: a key anywhere, a browser's session below /api/. PERSON: a session in a role."""

    NOBODY = "nobody"
    CALLER = "caller"
    PERSON = "person"
    COOKIE = "cookie"  # any session; what it may do is not asked


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A part of the path, of the query or a header."""

    name: str
    text: str
    place: str = "query"
    schema: Schema = field(default_factory=lambda: {"type": "string"})
    example: str = ""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one status means. `schema` None: no body."""

    status: int = 200
    text: str = "Done."
    schema: Schema | None = None
    media: str = JSON
    stream: str = ""  # an example of the same answer as events, where it can be streamed
    headers: tuple[str, ...] = ()  # names of the document's own headers


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method at one path. `codes`: what it may refuse with, beside what every operation of its kind may."""

    method: str
    path: str
    id: str
    tag: str
    summary: str
    text: str = ""
    needs: Needs = Needs.CALLER
    parameters: tuple[Parameter, ...] = ()
    body: Schema | None = None
    example: Mapping[str, Any] | None = None  # of the body
    answer: Answer = field(default_factory=Answer)
    codes: tuple[str, ...] = ()
    anthropic: bool = False  # refusals are in Anthropic's dialect

    @property
    def writes(self) -> bool:
        return self.method not in ("GET", "HEAD")


def at(operation: Operation, prefix: str, suffix: str) -> Operation:
    """The same operation below another prefix."""
    return replace(operation, path=prefix + operation.path, id=operation.id + suffix)


def text(description: str = "", **more: Any) -> Schema:
    return _typed("string", description, more)


def whole(description: str = "", **more: Any) -> Schema:
    return _typed("integer", description, more)


def number(description: str = "", **more: Any) -> Schema:
    return _typed("number", description, more)


def flag(description: str = "", **more: Any) -> Schema:
    return _typed("boolean", description, more)


def listing(items: Schema, description: str = "", **more: Any) -> Schema:
    return _typed("array", description, {"items": items, **more})


def amount(description: str = "") -> Schema:
    """Money: a decimal string, never a binary fraction."""
    return text(description or "A decimal string.", pattern=r"^-?[0-9]+\.[0-9]{2,9}$")


def one_of(*values: str, description: str = "", **more: Any) -> Schema:
    return text(description, enum=list(values), **more)


def always(value: str) -> Schema:
    return {"type": "string", "const": value}


def or_null(schema: Schema) -> Schema:
    """The same, or null."""
    kind = schema.get("type")
    if isinstance(kind, str):
        more = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
        return {**schema, "type": [kind, "null"], **more}
    return {"anyOf": [schema, {"type": "null"}]}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def shape(
    required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None, *, more: bool = False, **said: Any
) -> Schema:
    """An object; `more`: it may hold members that are not described. Else, in an answer, there are no others."""
    found: dict[str, Any] = {"type": "object", "properties": {**required, **(optional or {})}, **said}
    if required:
        found["required"] = list(required)
    if more:
        found["additionalProperties"] = True
    return found


def sent(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None, **said: Any) -> Schema:
    """The object of a request's body in which unknown members are refused."""
    return {**shape(required, optional, **said), "additionalProperties": False}


def page_of(name: str) -> Schema:
    """A list, a page at a time."""
    following = or_null(text("The `cursor` of the page after this one; null: there is none."))
    return shape({"object": always("list"), "data": listing(ref(name)), "next": following})


def _typed(kind: str, description: str, more: Mapping[str, Any]) -> Schema:
    said = {"description": description} if description else {}
    return {"type": kind, **said, **more}


CURSOR: Final = Parameter(name="cursor", text="The `next` of the page before.")
LIMIT: Final = Parameter(
    name="limit",
    text="Entries of a page.",
    schema={"type": "integer", "minimum": 1, "maximum": 1000, "default": 100},
)
PAGED: Final = (CURSOR, LIMIT)


def part(name: str, description: str, example: str) -> Parameter:
    """A part of the path."""
    return Parameter(name=name, text=description, place="path", example=example)
