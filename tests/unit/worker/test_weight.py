"""What a worker weighs when it starts, and what a large request costs it."""

import subprocess
import sys
import tracemalloc

import orjson
import pytest

from libs.contracts.northern.v1.envelope_pb2 import Dialect, Envelope, Shape
from services.worker.providers.anthropic.wire import AnthropicProvider
from services.worker.providers.base import Prepared, Provider
from services.worker.providers.openai.wire import OpenAIProvider
from services.worker.providers.vertex.credentials import GivenToken
from services.worker.providers.vertex.wire import VertexProvider
from services.worker.upstream.ways_out import find
from tests.unit.worker.known import CATALOG

_LOADED = """
import pathlib, sys
import services.worker.app
status = pathlib.Path("/proc/self/status").read_text()  # getrusage would tell the largest of the parent's too
print(int(status.split("VmHWM:")[1].split()[0]) >> 10)
print(*sorted({name.split(".")[0] for name in sys.modules} & {"vertexai", "openai", "boto3", "google_auth_httplib2"}))
print(*sorted(name for name in sys.modules if name.startswith(("google.auth", "google.cloud.", "google.genai"))))
"""


def test_a_worker_starts_without_the_vendors_packages_and_within_its_memory() -> None:
    said = subprocess.run([sys.executable, "-c", _LOADED], capture_output=True, text=True, check=True).stdout
    megabytes, vendors, google = said.split("\n")[:3]
    assert (vendors, google) == ("", "")
    assert int(megabytes) <= 120


EIGHT = 8 << 20
DIRECT = "anthropic/claude-haiku-4-5-20251001-us"


@pytest.mark.parametrize(
    ("route_id", "provider", "dialect"),
    [
        ("openai/gpt-4.1-mini-us", OpenAIProvider("key"), Dialect.DIALECT_OPENAI_CHAT),
        (DIRECT, AnthropicProvider("key"), Dialect.DIALECT_ANTHROPIC_MESSAGES),
        (
            "vertex_ai/claude-haiku-4-5@20251001-us",
            VertexProvider(GivenToken("t", "p")),
            Dialect.DIALECT_ANTHROPIC_MESSAGES,
        ),
    ],
)
async def test_a_large_image_that_passes_through_is_copied_once(
    route_id: str, provider: Provider, dialect: Dialect
) -> None:
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * EIGHT}}
    body = orjson.dumps({"messages": [{"role": "user", "content": [part]}]})
    route = CATALOG.routes[route_id]
    envelope = Envelope(request_id="0" * 16, dialect=dialect, shape=Shape(stream=True, images=1))
    way = find(CATALOG.egress_of(route), {}, "http://127.0.0.1:1")
    tracemalloc.start()
    try:
        prepared = await provider.prepare(envelope, body, route, way)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(prepared, Prepared)
    assert len(prepared.body) > EIGHT
    assert most < EIGHT * 1.1
