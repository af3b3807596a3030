"""The door: the texts of a request's body in either caller's dialect, and the body with others in their place."""

from collections.abc import Sequence
from typing import Any

from libs.contracts.northern.v1.envelope_pb2 import Dialect
from services.pii.requests import anthropic_messages, openai_chat
from services.pii.requests.spots import Texts, written
from services.pii.requests.walk import Visit, Walk

_SLICE = 2_000  # values looked at in one go: a few milliseconds


class Reading:
    """A body that is read in slices, so that streams get their turn in between."""

    def __init__(self, dialect: Dialect, body: dict[str, Any], *, media: bool = False) -> None:
        self._walk = Walk(body, _visit(dialect), media=media)

    def advance(self) -> bool:
        """Reads one slice; whether there is more. Raises PiiUnsupportedContent, naming the place."""
        return self._walk.advance(_SLICE)

    def texts(self) -> Texts:
        return self._walk.texts()


def read(dialect: Dialect, body: dict[str, Any], *, media: bool = False) -> Texts:
    """Every text of the body that may hold personal data, messages last.

    Raises PiiUnsupportedContent for images, audio and files unless `media` lets them pass, and for content of a type
    that is not known.
    """
    reading = Reading(dialect, body, media=media)
    while reading.advance():
        pass
    return reading.texts()


def write(texts: Texts, substituted: Sequence[str]) -> dict[str, Any]:
    """The body that was read with these texts in place of its own, one each and in their order; it is used up.

    Raises InvalidRequest where a call's arguments are nested too deeply to be written again.
    """
    return written(texts, substituted)


def asks_for_json(dialect: Dialect, body: dict[str, Any]) -> bool:
    """Whether the answer's text will be JSON, into which originals have to be written escaped."""
    if dialect == Dialect.DIALECT_ANTHROPIC_MESSAGES:
        config = body.get("output_config")
        given = config.get("format") if isinstance(config, dict) else None
        given = body.get("output_format") if given is None else given
    else:
        given = body.get("response_format")
    return isinstance(given, dict) and given.get("type") in ("json_object", "json_schema")


def _visit(dialect: Dialect) -> Visit:
    match dialect:
        case Dialect.DIALECT_ANTHROPIC_MESSAGES:
            return anthropic_messages.request
        case _:
            return openai_chat.request
