"""What a provider does wrong, as the caller sees it: the rows of the contract, on every wire format."""

import pytest

from tests.clients.asking import AZURE, HAIKU, QWEN, user
from tests.e2e.edge import Edge
from tests.support.street import Street

pytestmark = pytest.mark.street

each_wire = pytest.mark.parametrize("route", [AZURE, HAIKU, QWEN])

# directive, status, type, code, x-should-retry
ROWS = [
    ("status=400", 400, "invalid_request_error", None, "false"),
    ("status=404", 404, "invalid_request_error", None, "false"),
    ("status=413", 413, "invalid_request_error", None, "false"),
    ("status=422", 422, "invalid_request_error", None, "false"),
    ("status=401", 502, "server_error", "upstream_error", "false"),
    ("status=403", 502, "server_error", "upstream_error", "false"),
    ("status=408", 504, "server_error", "timeout", "true"),
    ("status=429", 429, "rate_limit_error", "rate_limit_exceeded", "true"),
    ("status=500", 502, "server_error", "upstream_error", "true"),
    ("status=503", 503, "server_error", "overloaded", "true"),
    ("status=529", 503, "server_error", "overloaded", "true"),
    ("cut_after=0", 502, "server_error", "upstream_error", "true"),
    ("cut_after=1", 502, "server_error", "upstream_error", "true"),
    ("garbage", 502, "server_error", "upstream_error", "true"),
]


@pytest.fixture
def street(failing_street: Street) -> Street:
    return failing_street


@each_wire
@pytest.mark.parametrize("stream", [False, True])
async def test_a_failure_before_content_is_a_status_of_the_contract(edge: Edge, route: str, stream: bool) -> None:
    for directive, status, kind, code, again in ROWS:
        if stream and directive == "cut_after=1":
            continue  # that is after the first byte
        if route == HAIKU and directive == "status=422":
            continue  # Converse knows no 422: its exceptions have statuses of their own
        asked = user(f"[[sandbox {directive}]] hi")
        reply = await edge.chat({"model": route, "messages": asked, "stream": stream})
        assert (reply.status, reply.error["type"], reply.error["code"]) == (status, kind, code), directive
        assert reply.headers["x-should-retry"] == again, directive
        assert reply.headers["content-type"].startswith("application/json")
        assert reply.headers["x-ni-custody-path"].startswith("NI-CA -> "), directive


@each_wire
@pytest.mark.parametrize("status", [429, 500, 503])
async def test_the_provider_says_when_to_come_back(edge: Edge, route: str, status: int) -> None:
    asked = user(f"[[sandbox status={status} retry_after=7]] hi")
    reply = await edge.chat({"model": route, "messages": asked})
    assert reply.headers["retry-after"] == "7"
    assert reply.headers["retry-after-ms"] == "7000"


@each_wire
async def test_a_failed_provider_may_be_cold_and_the_answer_says_when_to_retry(edge: Edge, route: str) -> None:
    reply = await edge.chat({"model": route, "messages": user("[[sandbox status=500]] hi")})
    assert "Backend error: the model may be cold starting, retry" in reply.error["message"]
    assert int(reply.headers["retry-after"]) > 0


@each_wire
async def test_a_failed_call_is_on_record_as_failed_and_costs_nothing(edge: Edge, route: str) -> None:
    body = {"model": route, "messages": user("[[sandbox status=500]] hi"), "allow_fallbacks": False}
    reply = await edge.chat(body)
    record = await edge.custody(reply.headers["x-ni-request-id"])
    assert (record["outcome"], record["error_code"]) == ("failed", "upstream_error")
    assert record["provider"]["status"] == 500
    assert record["delivery"]["status"] == 502
    assert record["cost"]["amount"] == "0.00"
    assert record["route"] == route


@each_wire
async def test_what_was_cut_in_mid_stream_is_on_record_as_cut(edge: Edge, route: str) -> None:
    asked = user("[[sandbox chunks=9 error_after=3]]")
    reply = await edge.chat({"model": route, "messages": asked, "stream": True})
    assert reply.status == 200
    assert b"w2 " in reply.body
    assert b"[DONE]" not in reply.body
    assert b'"stream_broken"' in reply.body
    record = await edge.custody(reply.headers["x-ni-request-id"])
    assert (record["outcome"], record["delivery"]["state"]) == ("cut", "cut")


async def test_every_request_a_provider_saw_has_a_record_with_the_same_id(edge: Edge, street: Street) -> None:
    seen = (await street.sandbox_log())[-25:]
    assert seen
    for entry in seen:
        record = await edge.custody(entry["egress_id"])
        assert record["request_id"] == entry["egress_id"]
        assert [fact["kind"] for fact in record["facts"]].count("finished") == 1
