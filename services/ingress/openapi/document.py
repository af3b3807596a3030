"""The whole description as one OpenAPI 3.1 document, put together from what the rooms say of themselves."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from services.ingress.openapi import refusals
from services.ingress.openapi.parts import EVENTS, JSON, Answer, Needs, Operation, Parameter, Schema
from services.ingress.openapi.rooms import (
    acts,
    administration,
    aliases,
    books,
    catalogue,
    credentials,
    custody,
    dead_letters,
    described,
    inference,
    keys,
    pii,
    routing,
    sessions,
)

_INTRODUCTION: Final = """\
One gateway that speaks OpenAI's and Anthropic's APIs and keeps on record where each prompt went.

The gateway surface is `/v1`, the inference surface `/api/v1/inference`. Every path below `/v1` also answers below
`/v1/v1` and `/api/v1/inference/v1`, because SDKs append their own prefix to a base URL.

A key goes into `Authorization: Bearer` or `x-api-key`; either kind of key works on both surfaces. A browser's session
is a cookie, accepted below `/api/`; what changes something needs `x-csrf-token` beside it, unless it comes from our
own pages. Amounts are decimal strings. Lists are pages: send `next` back as `cursor`.
"""
_ROOMS: Final = (
    inference,
    routing,
    catalogue,
    keys,
    aliases,
    credentials,
    books,
    custody,
    pii,
    administration,
    acts,
    dead_letters,
    sessions,
    described,
)
_READY: Final = "/readyz"

OPERATIONS: Final[Sequence[Operation]] = tuple(each for room in _ROOMS for each in room.OPERATIONS)


def document(version: str, operations: Iterable[Operation] = OPERATIONS) -> dict[str, Any]:
    """JSON values only."""
    paths: dict[str, dict[str, Any]] = {}
    for each in operations:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each)
    schemas: dict[str, Schema] = dict(refusals.SCHEMAS)
    for room in _ROOMS:
        schemas |= room.SCHEMAS
    return {
        "openapi": "3.1.0",
        "info": {"title": "Northern Inference", "version": version, "description": _INTRODUCTION},
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in dict.fromkeys(each.tag for each in operations)],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "headers": inference.HEADERS,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "`ni_live_…` or `inf_…`."},
                "api_key": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "The same key."},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "ni_session",
                    "description": "Of POST /api/session. Behind TLS its name is `__Host-ni_session`.",
                },
                "csrf": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "x-csrf-token",
                    "description": "Of POST or GET /api/session, with a session's cookie.",
                },
            },
        },
        "x-ni-errors": refusals.table(),
    }


def _operation(each: Operation) -> dict[str, Any]:
    told: dict[str, Any] = {"operationId": each.id, "tags": [each.tag], "summary": each.summary}
    if each.text:
        told["description"] = each.text
    told["security"] = _security(each)
    if each.parameters:
        told["parameters"] = [_parameter(parameter) for parameter in each.parameters]
    if each.body is not None:
        content: dict[str, Any] = {"schema": each.body}
        if each.example is not None:
            content["example"] = each.example
        told["requestBody"] = {"required": True, "content": {JSON: content}}
    told["responses"] = {str(each.answer.status): _answer(each.answer), **refusals.refusals(each)}
    if each.path == _READY:
        told["responses"]["503"] = _answer(Answer(text="Not ready.", schema=each.answer.schema))
    return told


def _answer(answer: Answer) -> dict[str, Any]:
    told: dict[str, Any] = {"description": answer.text}
    if answer.headers:
        told["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in answer.headers}
    if answer.schema is not None:
        told["content"] = {answer.media: {"schema": answer.schema}}
        if answer.stream:
            told["content"][EVENTS] = {"schema": {"type": "string"}, "example": answer.stream}
    return told


def _parameter(parameter: Parameter) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.text,
        "schema": parameter.schema,
    }
    if parameter.place == "path":
        told["required"] = True
    if parameter.example:
        told["example"] = parameter.example
    return told


def _security(each: Operation) -> list[dict[str, list[str]]]:
    """Any one of these is enough; none at all is an empty list."""
    if each.needs is Needs.NOBODY:
        return []
    keys_: list[dict[str, list[str]]] = [{"bearer": []}, {"api_key": []}] if each.needs is Needs.CALLER else []
    if not each.path.startswith("/api/"):
        return keys_
    return [*keys_, {"session": [], "csrf": []} if each.writes else {"session": []}]
