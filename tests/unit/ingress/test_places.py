"""Every alias of a path is the same place, and a place has one dialect."""

import pytest

from libs.contracts.northern.v1.envelope_pb2 import Dialect, Surface
from services.ingress.places import dialect_of, locate, nothing_at

GATEWAY, INFERENCE = Surface.SURFACE_GATEWAY, Surface.SURFACE_INFERENCE
OPENAI, ANTHROPIC = Dialect.DIALECT_OPENAI_CHAT, Dialect.DIALECT_ANTHROPIC_MESSAGES


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


@pytest.mark.parametrize(
    ("path", "by_itself", "to_an_anthropic_client"),
    [
        ("/v1/messages", ANTHROPIC, ANTHROPIC),
        ("/v1/v1/messages/count_tokens", ANTHROPIC, ANTHROPIC),
        ("/api/v1/inference/v1/messages/batches/b_1", ANTHROPIC, ANTHROPIC),
        ("/v1/complete", ANTHROPIC, ANTHROPIC),
        ("/v1/files/file_1", ANTHROPIC, ANTHROPIC),
        ("/v1/models", OPENAI, ANTHROPIC),
        ("/v1/models/claude", OPENAI, ANTHROPIC),
        ("/v1/skills", OPENAI, ANTHROPIC),
        ("/v1/messagesx", OPENAI, ANTHROPIC),
        ("/v1/chat/completions", OPENAI, OPENAI),
        ("/v1/completions", OPENAI, OPENAI),
        ("/v1/responses/r_1", OPENAI, OPENAI),
        ("/v1/embeddings", OPENAI, OPENAI),
        ("/api/session", OPENAI, OPENAI),
        ("/messages", OPENAI, OPENAI),
        ("", OPENAI, OPENAI),
    ],
)
def test_a_place_has_a_dialect_and_where_both_apis_have_it_the_clients(
    path: str, by_itself: Dialect, to_an_anthropic_client: Dialect
) -> None:
    assert dialect_of(path) == by_itself
    assert dialect_of(path, anthropic=True) == to_an_anthropic_client


@pytest.mark.parametrize(
    ("tail", "use"),
    [
        ("/responses", "/v1/chat/completions"),
        ("/responses/r_1/input_items", "/v1/chat/completions"),
        ("/embeddings", "/v1/chat/completions"),
        ("/completions", "/v1/chat/completions"),
        ("/audio/transcriptions", "/v1/chat/completions"),
        ("/images/generations", "/v1/chat/completions"),
        ("/moderations", "/v1/chat/completions"),
        ("/threads/t/runs", "/v1/chat/completions"),
        ("/chat/completions/chatcmpl-1", "/v1/chat/completions"),
        ("/messages/batches", "/v1/messages"),
        ("/messages/batches/b_1/results", "/v1/messages"),
        ("/complete", "/v1/messages"),
        ("/files", "/v1/messages"),
        ("/no/such", "/v1/models"),
        ("/messages/other", "/v1/messages"),
    ],
)
def test_what_is_not_served_says_what_to_use(tail: str, use: str) -> None:
    assert use in nothing_at("/v1" + tail, tail).message


def test_a_path_of_strange_bytes_is_told_plainly() -> None:
    assert nothing_at("/v1/\udcff\r\n", "/\udcff\r\n").message.isprintable()
