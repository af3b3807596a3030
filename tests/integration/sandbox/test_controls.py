"""Faults, pacing and the log, over plain HTTP."""

import asyncio
import io
import json
import re
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from services.sandbox.app import listening
from services.sandbox.settings import SandboxSettings
from tests.integration.sandbox.running import Running

EVENT = re.compile(rb"data: (?:(?!\n\n).)*\n\n", re.DOTALL)


def words(events: list[bytes]) -> list[int]:
    return [int(found[1]) for event in events if (found := re.search(rb'"content":"w(\d+)\.* "', event))]


async def ended(sandbox: Running, seq: int) -> dict[str, Any]:
    """The record of a request once it has ended, within a second."""
    for _ in range(50):
        (entry,) = [e for e in await sandbox.log() if e["seq"] == seq]
        if entry["outcome"] != "running":
            return entry
        await asyncio.sleep(0.02)
    raise AssertionError(f"request {seq} is still running after a second")


async def test_a_paced_stream_is_whole_and_each_event_has_its_size(sandbox: Running) -> None:
    began = time.monotonic()
    async with await sandbox.chat(
        "[[sandbox chunks=50 chunk_bytes=400 burst=10 chunk_ms=20]]", stream=True
    ) as response:
        raw = await response.read()
    assert time.monotonic() - began >= 4 * 0.02
    events = EVENT.findall(raw)
    assert words(events) == list(range(50))
    assert {len(event) for event in events if b'"content":"w' in event} == {400}
    assert (await sandbox.log())[0]["chunks_sent"] == 50


async def test_bedrock_frames_have_their_size_too(sandbox: Running) -> None:
    body = {"messages": [{"role": "user", "content": [{"text": "[[sandbox chunks=70 chunk_bytes=300]]"}]}]}
    url = f"{sandbox.url}/bedrock/ca-central-1/model/m/converse-stream"
    async with sandbox.http.post(url, json=body, headers={"authorization": "Bearer k"}) as response:
        raw = await response.read()
    sizes = []
    while raw:
        size = int.from_bytes(raw[:4], "big")
        sizes.append(size)
        raw = raw[size:]
    assert sizes.count(300) == 70


async def test_a_cut_stream_ends_after_n_chunks_without_its_end(sandbox: Running) -> None:
    raw = b""
    async with await sandbox.chat("[[sandbox chunks=100 burst=7 cut_after=23]]", stream=True) as response:
        try:
            async for part in response.content.iter_any():
                raw += part
        except aiohttp.ClientPayloadError:
            pass
        else:
            pytest.fail("a cut stream ended as a whole one does")
    assert words(EVENT.findall(raw)) == list(range(23))
    assert b"[DONE]" not in raw
    entry = await ended(sandbox, 1)
    assert (entry["outcome"], entry["chunks_sent"]) == ("cut", 23)


async def test_a_cut_whole_answer_lacks_its_half(sandbox: Running) -> None:
    async with await sandbox.chat("[[sandbox body_bytes=1000 cut_after=1]]") as response:
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await sandbox.chat("[[sandbox cut_after=0]]")
    assert [e["outcome"] for e in await sandbox.log()] == ["cut", "cut"]


@pytest.mark.parametrize("directive", ["hang", "chunks=9 stall_after=3", "chunks=9 chunk_ms=60000", "first_ms=60000"])
async def test_a_client_that_leaves_is_noticed_within_a_second(sandbox: Running, directive: str) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2), await sandbox.chat(f"[[sandbox {directive}]]", stream=True) as response:
            await response.read()
    entry = await ended(sandbox, 1)
    assert entry["outcome"] == "client_gone"
    assert entry["chunks_sent"] == {"chunks=9 stall_after=3": 3, "chunks=9 chunk_ms=60000": 1}.get(directive, 0)


async def test_a_client_that_leaves_a_full_pipe_is_noticed(sandbox: Running) -> None:
    response = await sandbox.chat("[[sandbox body_bytes=67108864 chunks=1024]]", stream=True)
    await response.content.readany()
    response.close()
    assert (await ended(sandbox, 1))["outcome"] == "client_gone"


async def test_half_a_request_is_in_the_log(sandbox: Running) -> None:
    host, port = sandbox.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"POST /openai/v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-ni-egress-id: 0123\r\ncontent-length: 99\r\n\r\n{"
    )
    await writer.drain()
    await asyncio.sleep(0.05)
    (entry,) = await sandbox.log()
    assert (entry["egress_id"], entry["outcome"]) == ("0123", "running")
    writer.close()
    assert (await ended(sandbox, 1))["outcome"] == "client_gone"


async def test_refused_requests_are_in_the_log(sandbox: Running) -> None:
    url = f"{sandbox.url}/openai/v1/chat/completions"
    for path in (url, f"{sandbox.url}/nowhere"):
        async with sandbox.http.post(path, data=b"{", headers={"authorization": "Bearer hunter2"}) as response:
            assert response.headers["x-ni-sandbox"] == "true"
    entries = await sandbox.log()
    assert [(e["status"], e["body"]) for e in entries] == [(400, "{"), (404, "{")]
    assert "hunter2" not in str(entries)


async def test_garbage_is_no_answer(sandbox: Running) -> None:
    for stream in (False, True):
        async with await sandbox.chat("[[sandbox garbage]]", stream=stream) as response:
            assert response.status == 200
            with pytest.raises(UnicodeDecodeError):
                (await response.read()).decode()


async def test_a_large_answer_to_a_large_question(sandbox: Running) -> None:
    prompt = "x" * 8_388_608 + "[[sandbox body_bytes=8388608]]"
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": prompt}]}).encode()
    url = f"{sandbox.url}/self-hosted/v1/chat/completions"
    async with sandbox.http.post(url, data=io.BytesIO(body)) as response:
        said = await response.json()
    assert len(said["choices"][0]["message"]["content"]) == 8_388_608
    assert said["usage"]["prompt_tokens"] == -(-len(prompt) // 4)


async def test_a_body_beyond_the_limit_is_refused(sandbox: Running) -> None:
    url = f"{sandbox.url}/self-hosted/v1/chat/completions"
    async with sandbox.http.post(url, data=io.BytesIO(bytes((64 << 20) + 1))) as response:
        assert response.status == 413


async def test_a_fault_is_ordered_and_withdrawn_over_http(sandbox: Running) -> None:
    faults = f"{sandbox.url}/_sandbox/faults"
    order = {"path_contains": "/openai/", "model": "gpt-4o", "times": 1, "directive": "status=500"}
    async with sandbox.http.post(faults, json=order) as response:
        assert response.status == 201
    statuses = [(await sandbox.chat("hi")).status for _ in range(2)]
    assert statuses == [500, 200]
    async with sandbox.http.post(faults, json={"directive": "statu=1"}) as response:
        assert response.status == 400
    async with sandbox.http.post(faults, json={"directive": "status=503"}):
        pass
    async with sandbox.http.delete(faults):
        pass
    assert (await sandbox.chat("hi")).status == 200
    async with sandbox.http.get(faults) as response:
        assert await response.json() == {"faults": []}


async def test_the_log_is_read_in_pieces_and_emptied(sandbox: Running) -> None:
    for _ in range(3):
        (await sandbox.chat("hi")).release()
    async with sandbox.http.get(f"{sandbox.url}/_sandbox/log?after=1&limit=1") as response:
        page = await response.json()
    assert ([e["seq"] for e in page["requests"]], page["next"]) == ([2], 2)
    async with sandbox.http.delete(f"{sandbox.url}/_sandbox/log"):
        pass
    assert await sandbox.log() == []


async def test_the_file_survives_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "received.jsonl"
    settings = SandboxSettings.model_validate({"sandbox_log_file": file})
    for _ in range(2):
        async with listening(settings) as port, aiohttp.ClientSession() as http:
            await Running(url=f"http://127.0.0.1:{port}", http=http).chat("hi")
    assert len(file.read_text().splitlines()) == 2


def test_only_loopback_is_listened_on() -> None:
    with pytest.raises(ValueError, match="loopback"):
        SandboxSettings(sandbox_host="0.0.0.0")
