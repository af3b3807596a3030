"""Every alias of a path is the same place."""

import pytest

from libs.contracts.northern.v1.envelope_pb2 import Surface
from services.ingress.handlers import locate

GATEWAY, INFERENCE = Surface.SURFACE_GATEWAY, Surface.SURFACE_INFERENCE


@pytest.mark.parametrize(
    ("path", "surface", "tail"),
    [
        ("/v1/chat/completions", GATEWAY, "/chat/completions"),
        ("/v1/v1/chat/completions", GATEWAY, "/chat/completions"),
        ("/v1/messages", GATEWAY, "/messages"),
        ("/v1/v1/messages", GATEWAY, "/messages"),
        ("/v1/v1/messages/count_tokens", GATEWAY, "/messages/count_tokens"),
        ("/v1/models", GATEWAY, "/models"),
        ("/v1/models/azure/gpt-4.1-mini-ca", GATEWAY, "/models/azure/gpt-4.1-mini-ca"),
        ("/v1/models/bedrock/m-v1:0-ca", GATEWAY, "/models/bedrock/m-v1:0-ca"),
        ("/v1", GATEWAY, "/"),
        ("/v1/", GATEWAY, "/"),
        ("/api/v1/inference/chat/completions", INFERENCE, "/chat/completions"),
        ("/api/v1/inference/v1/chat/completions", INFERENCE, "/chat/completions"),
        ("/api/v1/inference/v1/messages", INFERENCE, "/messages"),
        ("/api/v1/inference/models/azure/gpt/health", INFERENCE, "/models/azure/gpt/health"),
        ("/api/v1/inference", INFERENCE, "/"),
    ],
)
def test_every_alias_is_the_same_place(path: str, surface: Surface, tail: str) -> None:
    assert locate(path) == (surface, tail)


@pytest.mark.parametrize(
    "path",
    ["", "/", "/v1x", "/v2/models", "/api", "/api/v1", "/api/v1/inferences", "/api/billing/models", "v1", "/a/v1"],
)
def test_what_only_looks_like_a_surface_is_none(path: str) -> None:
    assert locate(path) is None
