"""Checks of everything that reads a whole body: providers' answers and errors, callers' requests."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from libs.contracts.errors import NorthernError
from libs.dialects.anthropic_messages import answer as anthropic_answer
from libs.dialects.anthropic_messages import errors as anthropic_errors
from libs.dialects.anthropic_messages import estimate
from libs.dialects.anthropic_messages import outgoing as anthropic_outgoing
from libs.dialects.anthropic_messages import passthrough as anthropic_passthrough
from libs.dialects.anthropic_messages import request as anthropic_request
from libs.dialects.bedrock_converse import answer as converse_answer
from libs.dialects.bedrock_converse import errors as converse_errors
from libs.dialects.bedrock_converse import request as converse_request
from libs.dialects.form import Answer, Request, Usage, Written
from libs.dialects.gemini import answer as gemini_answer
from libs.dialects.gemini import count
from libs.dialects.gemini import errors as gemini_errors
from libs.dialects.gemini import outgoing as gemini_outgoing
from libs.dialects.models import ModelFlags
from libs.dialects.openai_chat import answer as openai_answer
from libs.dialects.openai_chat import errors as openai_errors
from libs.dialects.openai_chat import outgoing as openai_outgoing
from libs.dialects.openai_chat import passthrough as openai_passthrough
from libs.dialects.openai_chat import request as openai_request
from services.ingress import domain
from services.worker.providers.translated import read_object
from tests.fuzz.properties import ours, told
from tests.unit.ingress.asking import ALL, CHAT, COUNT, MESSAGES

STATUSES = (400, 401, 404, 418, 429, 500, 503)

# --- answers ------------------------------------------------------------------------------------------------------


def openai_answers(data: bytes) -> None:
    _answers(data, openai_answer.read_answer, openai_errors.read_error)
    _passed(data, openai_passthrough.read_answer)


def anthropic_answers(data: bytes) -> None:
    _answers(data, anthropic_answer.read_answer, anthropic_errors.read_error)
    _passed(data, anthropic_passthrough.read_answer)


def converse_answers(data: bytes) -> None:
    _answers(data, converse_answer.read_answer, converse_errors.read_error)


def gemini_answers(data: bytes) -> None:
    _answers(data, gemini_answer.read_answer, gemini_errors.read_error)


def _answers(
    data: bytes,
    read_answer: Callable[[dict[str, Any]], Answer],
    read_error: Callable[[int, Mapping[str, str], bytes], NorthernError],
) -> None:
    answer = ours(lambda: read_answer(read_object(data)))
    if answer is not None:
        ours(lambda: answer.output_bytes)
        for write in (openai_answer.write_answer, anthropic_answer.write_answer):
            written = ours(lambda write=write: write(answer, id="i", created=1, model="m"))  # type: ignore[misc]
            assert written is None or isinstance(orjson.loads(written), dict)
    line = data[:80].decode("latin-1")
    for status in STATUSES:
        headers = {"Retry-After": line, "x-amzn-ErrorType": line, "date": "Sat, 21 Nov 2026 10:00:00 GMT"}
        error = read_error(status, headers, data)
        assert isinstance(error, NorthernError)
        told(error)
        assert error.message.isprintable()
        assert 0 <= error.retry_after_ms <= 3_600_000


def _passed(data: bytes, read: Callable[[bytes, str | None], tuple[bytes, Usage | None, int]]) -> None:
    passed = ours(lambda: read(data, None))
    assert passed is None or passed[0] == data
    renamed = ours(lambda: read(data, "ours"))
    assert passed is not None or renamed is None
    if passed is not None and renamed is not None and b"\\u" not in data:  # nobody escapes a member's name
        assert renamed[1:] == passed[1:]
        assert orjson.loads(renamed[0]) == orjson.loads(data) | {"model": "ours"}


# --- requests -----------------------------------------------------------------------------------------------------

CLAUDE = ModelFlags(claude=True, thinking="budget", sampling="one")
MODELS = (
    ModelFlags(),
    CLAUDE,
    ModelFlags(claude=True, thinking="adaptive", sampling="none", prefill=False),
    ModelFlags(thinking="level", always_thinks=True, structured=False, vision=False),
    ModelFlags(thinking="effort", always_thinks=True, legacy_max_tokens=True),
)
WRITERS: tuple[Callable[[Request, ModelFlags], Written], ...] = (
    openai_outgoing.write_request,
    anthropic_outgoing.write_request,
    converse_request.write_request,
    gemini_outgoing.write_request,
)


def openai_requests(data: bytes) -> None:
    if (body := _as_at_the_edge(data, CHAT)) is not None:
        _written(ours(lambda: openai_request.read_request(body)))


def anthropic_requests(data: bytes) -> None:
    if (body := _as_at_the_edge(data, MESSAGES)) is not None:
        _written(ours(lambda: anthropic_request.read_request(body)))
    if (counted := _as_at_the_edge(data, COUNT)) is not None:
        request = ours(lambda: anthropic_request.read_request(counted, counting=True))
        if request is not None:
            assert estimate.estimated_tokens(request) >= 0
            ours(lambda: count.write_count(request, MODELS[0]))


def _as_at_the_edge(data: bytes, call: domain.Call) -> dict[str, Any] | None:
    """What a worker gets, where the edge lets it through."""
    asked = ours(lambda: domain.read(domain.parse(data), {}, ALL, call))
    if asked is None:
        return None
    body: dict[str, Any] = orjson.loads(asked.body)
    return body


def _written(request: Request | None) -> None:
    if request is None:
        return
    for write in WRITERS:
        for model in MODELS:
            written = ours(lambda write=write, model=model: write(request, model))  # type: ignore[misc]
            if written is not None:
                ours(written.serialised)
                assert all(isinstance(name, str) and name for name in written.dropped)


def edge(data: bytes) -> None:
    """The edge itself, with each of its headers."""
    line = data[:64].decode("latin-1")
    every = {**dict.fromkeys(domain.HEADER_FORMS.values(), line), "anthropic-version": line}
    for call in (CHAT, MESSAGES, COUNT):
        for headers in ({}, every):
            asked = ours(lambda headers=headers, call=call: domain.read(domain.parse(data), headers, ALL, call))  # type: ignore[misc]
            if asked is not None:
                kept = orjson.loads(data)
                assert asked.shape.model == kept["model"]
                assert orjson.loads(asked.body).items() <= kept.items()
                asked.shape.SerializeToString()
                asked.policy.SerializeToString()
    ours(lambda: domain.versions(every, [line]))
