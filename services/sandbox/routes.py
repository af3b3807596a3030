"""From a raw path to the provider that is stood in for there."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from services.sandbox.anthropic.format import DirectWire, VertexWire
from services.sandbox.anthropic.invoke import InvokeWire
from services.sandbox.anthropic.request import Operation as ClaudeOperation
from services.sandbox.bedrock.format import BedrockWire
from services.sandbox.gemini.format import GeminiWire, Operation
from services.sandbox.openai.format import OpenAIWire
from services.sandbox.openai.houses import House
from services.sandbox.wire import Reply, Wire

_OPENAI = re.compile(r"/(openai|self-hosted)/v1/(chat/completions|models)")
_AZURE = re.compile(r"/azure/openai/(?:v1|deployments/([^/]+))/chat/completions")
_BEDROCK = re.compile(r"/bedrock/([a-z0-9-]+)/model/([^/]+)/(converse|converse-stream)")
_ANTHROPIC = re.compile(r"/anthropic/v1/(?:(messages|messages/count_tokens|models)|models/(.+))")
_INVOKE = re.compile(r"/bedrock/([a-z0-9-]+)/model/([^/]+)/(invoke|invoke-with-response-stream|count-tokens)")
_CLAUDE = re.compile(
    r"/vertex/([a-z0-9-]+)/v1(?:beta1)?/projects/[^/]+/locations/([a-z0-9-]+)/publishers/anthropic/models/"
    r"([^/:]+)(?::|%3A)(rawPredict|streamRawPredict)"
)
_CLAUDE_OPERATIONS = {
    "messages": ClaudeOperation.MESSAGES,
    "messages/count_tokens": ClaudeOperation.COUNT,
    "models": ClaudeOperation.MODELS,
    "invoke": ClaudeOperation.MESSAGES,
    "invoke-with-response-stream": ClaudeOperation.STREAM,
    "count-tokens": ClaudeOperation.COUNT,
    "rawPredict": ClaudeOperation.MESSAGES,
    "streamRawPredict": ClaudeOperation.STREAM,
}
_GEMINI = re.compile(
    r"/vertex/([a-z0-9-]+)/v1(?:beta1)?/projects/[^/]+/locations/([a-z0-9-]+)/publishers/google/models/"
    r"([^/:]+)(?::|%3A)(generateContent|streamGenerateContent|countTokens)"
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """What a path stands for. `models`: the answer where a list of models is asked for, with GET."""

    wire: Wire
    models: Reply | None = None


class Routes:
    """Every path the sandbox serves; a place is made once for each path."""

    def __init__(self, unix: Callable[[], float], aws_secret: str) -> None:
        self._unix, self._aws_secret = unix, aws_secret
        self.at = lru_cache(maxsize=1024)(self._at)

    def _at(self, path: str) -> Place | None:
        if found := _OPENAI.fullmatch(path):
            wire = OpenAIWire(house=House(found[1]), unix=self._unix)
            return Place(wire=wire, models=wire.models() if found[2] == "models" else None)
        if found := _AZURE.fullmatch(path):
            return Place(wire=OpenAIWire(house=House.AZURE, unix=self._unix, deployment=unquote(found[1] or "")))
        if found := _BEDROCK.fullmatch(path):
            return Place(
                wire=BedrockWire(
                    region=found[1],
                    model=unquote(found[2]),
                    stream=found[3] == "converse-stream",
                    secret=self._aws_secret,
                    unix=self._unix,
                )
            )
        if found := _GEMINI.fullmatch(path):
            return Place(
                wire=GeminiWire(
                    region=found[1],
                    location=found[2],
                    model=unquote(found[3]),
                    operation=Operation(found[4]),
                    unix=self._unix,
                )
            )
        return self._claude(path)

    def _claude(self, path: str) -> Place | None:
        if found := _ANTHROPIC.fullmatch(path):
            operation = _CLAUDE_OPERATIONS[found[1] or "models"]
            wire = DirectWire(operation=operation, model=unquote(found[2] or ""))
            return Place(wire=wire, models=wire.models() if operation is ClaudeOperation.MODELS else None)
        if found := _INVOKE.fullmatch(path):
            return Place(
                wire=InvokeWire(
                    region=found[1],
                    model=unquote(found[2]),
                    operation=_CLAUDE_OPERATIONS[found[3]],
                    secret=self._aws_secret,
                    unix=self._unix,
                )
            )
        if found := _CLAUDE.fullmatch(path):
            counting = found[3] == "count-tokens"
            return Place(
                wire=VertexWire(
                    region=found[1],
                    location=found[2],
                    model="" if counting else unquote(found[3]),
                    operation=_CLAUDE_OPERATIONS["count-tokens" if counting else found[4]],
                )
            )
        return None
