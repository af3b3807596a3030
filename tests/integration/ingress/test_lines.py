"""The log at the edge: a line for each request and each refusal, and nobody's words or keys in any."""

import orjson
import pytest

from tests.integration.ingress.edge import KEY, chat, edge, get, post
from tests.integration.ingress.scripts import answer


async def test_no_body_and_no_key_is_in_any_line_of_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    async with edge(answer) as street:
        wire = await street.open()
        body = orjson.dumps({"model": "azure/gpt-4.1-mini-ca", "messages": [{"role": "user", "content": "canary"}]})
        for request in (post(body), post(body[:-1]), post(body, key="ni_live_canary"), post(body, "X-A: canary")):
            await wire.send(request)
            await wire.reply()
    said = capsys.readouterr()
    assert "request_completed" in said.out
    assert "canary" not in said.out + said.err
    assert KEY not in said.out + said.err


async def test_what_is_refused_at_the_door_is_counted_and_has_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    async with edge(answer) as street:
        for request in (get("/v1/models/secret-canary", key="ni_live_canary"), get("/nothing/at/canary"), chat()):
            await street.say(request)
        counted = street.metrics.text().decode()
    said = capsys.readouterr().out
    lines = [line for line in said.splitlines() if "request_refused" in line]
    assert len(lines) == 2
    assert ["invalid_api_key" in lines[0], "not_found" in lines[1]] == [True, True]
    assert "canary" not in said
    assert 'ni_refusals_total{code="invalid_api_key"} 1.0' in counted
    assert 'ni_refusals_total{code="not_found"} 1.0' in counted
