"""What a provider does wrong, in both dialects, on every wire, streamed or not: the rows of the contract."""

import pytest

from tests.e2e.dialects import BOTH, CHAT, WIRES, Dialect, Told
from tests.e2e.edge import Edge
from tests.support.street import Street

pytestmark = pytest.mark.street

each_dialect = pytest.mark.parametrize("dialect", BOTH, ids=str)
each_wire = pytest.mark.parametrize("wire", WIRES)

_INVALID = "invalid_request_error"
_FAILED = (502, "server_error", "upstream_error", 502, "api_error")
_OVERLOADED = (503, "server_error", "overloaded", 529, "overloaded_error")

# directive: OpenAI's status, type and code; Anthropic's status and type.
ROWS: dict[str, tuple[int, str, str | None, int, str]] = {
    "status=400": (400, _INVALID, None, 400, _INVALID),
    "status=401": _FAILED,  # our credentials, not the caller's
    "status=403": _FAILED,
    "status=404": (404, _INVALID, None, 404, "not_found_error"),
    "status=408": (504, "server_error", "timeout", 504, "timeout_error"),
    "status=413": (413, _INVALID, None, 413, "request_too_large"),
    "status=422": (422, _INVALID, None, 422, _INVALID),
    "status=429": (429, "rate_limit_error", "rate_limit_exceeded", 429, "rate_limit_error"),
    "status=500": _FAILED,
    "status=503": _OVERLOADED,
    "status=529": _OVERLOADED,
    "garbage": _FAILED,
    "cut_after=0": _FAILED,
}
# Their error formats have no such status: it is a plain 400 there, and here.
PLAIN = {"Bedrock-Claude": {"status=422"}, "Bedrock-Converse": {"status=422"}, "Gemini": {"status=413", "status=422"}}
REFUSED = {"status=400", "status=401", "status=403", "status=404", "status=413", "status=422"}


@pytest.fixture
def street(failing_street: Street) -> Street:
    return failing_street


def expected(dialect: Dialect, directive: str) -> Told:
    openai_status, openai_type, code, status, kind = ROWS[directive]
    if dialect is CHAT:
        return Told(status=openai_status, type=openai_type, code=code)
    return Told(status=status, type=kind)


@each_dialect
@each_wire
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_failure_before_content_is_a_status_of_the_contract(
    edge: Edge, dialect: Dialect, wire: str, stream: bool
) -> None:
    wrong = []
    for directive in ROWS:
        reply = await dialect.send(edge, dialect.body(WIRES[wire], f"[[sandbox {directive}]] hi", stream=stream))
        told = dialect.told(reply)
        again = reply.headers["x-should-retry"]
        meant = "status=400" if directive in PLAIN.get(wire, ()) else directive
        if told != expected(dialect, meant) or again != ("false" if directive in REFUSED else "true"):
            wrong.append((directive, told, again, reply.body[:200]))
    assert wrong == []


@each_dialect
@each_wire
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_when_to_come_back_reaches_the_caller(edge: Edge, dialect: Dialect, wire: str, stream: bool) -> None:
    body = dialect.body(WIRES[wire], "[[sandbox status=429 retry_after=7]] hi", stream=stream)
    reply = await dialect.send(edge, body)
    assert reply.status == 429
    assert (reply.headers["retry-after"], reply.headers["retry-after-ms"]) == ("7", "7000")


@each_dialect
@each_wire
async def test_a_stream_that_breaks_after_its_first_word_says_so_and_does_not_end(
    edge: Edge, dialect: Dialect, wire: str
) -> None:
    wrong = []
    for fault in (
        "error_after=3",
        "error_after=3 error=throttling",
        "error_after=3 error=serviceUnavailable",
        "cut_after=3",
    ):
        reply = await dialect.send(edge, dialect.body(WIRES[wire], f"[[sandbox chunks=9 {fault}]]", stream=True))
        said = reply.body.count(b"w0 ") == reply.body.count(b"w1 ") == 1
        kind = dialect.broke(reply)
        if not said or kind != ("server_error" if dialect is CHAT else "api_error"):
            wrong.append((fault, kind, reply.body[-300:]))
    assert wrong == []


@each_dialect
@each_wire
async def test_an_answer_that_is_cut_at_any_byte_is_never_taken_for_a_whole_one(
    edge: Edge, dialect: Dialect, wire: str
) -> None:
    failed = expected(dialect, "garbage")
    for at in (0, 1, 7, 50, 180, 420, 800):
        text = f"[[sandbox chunks=30 cut_byte={at}]]"
        whole = await dialect.send(edge, dialect.body(WIRES[wire], text))
        streamed = await dialect.send(edge, dialect.body(WIRES[wire], text, stream=True))
        if whole.status != 200 or at < 180:  # the shortest whole answer is longer than that
            assert dialect.told(whole) == failed, at
        if streamed.status == 200:
            dialect.broke(streamed)
        else:
            assert dialect.told(streamed) == failed, at


@each_dialect
async def test_nothing_of_ours_is_in_what_a_provider_that_refuses_us_makes_the_caller_see(
    edge: Edge, dialect: Dialect
) -> None:
    for route in WIRES.values():
        for status in (401, 403):
            reply = await dialect.send(edge, dialect.body(route, f"[[sandbox status={status}]] hi"))
            said = reply.body.decode().lower()
            assert reply.status == 502
            assert not [word for word in ("sandbox-key", "akid", "bearer", "api-key", "signature") if word in said], (
                said
            )
