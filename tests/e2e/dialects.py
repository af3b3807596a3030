"""Both callers' dialects as one table drives them: a body, where it is sent, and its error, read strictly."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.clients.events import events_of
from tests.clients.matrix.cells import ROUTES
from tests.e2e.edge import Edge, Reply

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Told:
    """An error as its dialect shows it; `code` is OpenAI's alone."""

    status: int
    type: str
    code: str | None = None


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """`read` gives (type, code, message) of an error body, and asserts that it has its dialect's members alone."""

    name: str
    path: str
    ended: bytes  # how a stream that is whole ends
    read: Callable[[Json], tuple[str, str | None, str]]
    required: Json

    def __str__(self) -> str:
        return self.name

    def body(self, route: str, messages: Any, **more: Any) -> Json:
        said = messages if isinstance(messages, list) else [{"role": "user", "content": messages}]
        return {"model": route, "messages": said, **self.required, **more}

    async def send(self, edge: Edge, body: Json | bytes) -> Reply:
        """On a connection that ends with it: the edge closes one on which a stream broke, without having said so."""
        return await edge.send("POST", self.path, body=body, headers={"Connection": "close"})

    def told(self, reply: Reply) -> Told:
        """The error of an answer that is one."""
        kind, code, message = self.read(reply.json)
        assert message.endswith((".", "?", "!")) or message, reply.body
        assert reply.headers["x-ni-request-id"]
        return Told(status=reply.status, type=kind, code=code)

    def broke(self, reply: Reply) -> str:
        """The type of the error event that a stream ended with; AssertionError where it ended well."""
        assert reply.status == 200, reply.body
        assert self.ended not in reply.body
        kind, _, _ = self.read(events_of(reply.body)[-1])
        return kind


def _openai(error: Json) -> tuple[str, str | None, str]:
    assert set(error) == {"error"}, error
    assert set(error["error"]) == {"message", "type", "param", "code"}, error
    return error["error"]["type"], error["error"]["code"], error["error"]["message"]


def _anthropic(error: Json) -> tuple[str, str | None, str]:
    assert set(error) == {"type", "error", "request_id"}, error
    assert error["type"] == "error"
    assert set(error["error"]) == {"type", "message"}, error
    assert error["request_id"]
    return error["error"]["type"], None, error["error"]["message"]


CHAT = Dialect(name="chat", path="/v1/chat/completions", ended=b"data: [DONE]", read=_openai, required={})
MESSAGES = Dialect(
    name="messages", path="/v1/messages", ended=b"message_stop", read=_anthropic, required={"max_tokens": 500}
)
BOTH = (CHAT, MESSAGES)
WIRES = dict(ROUTES)
