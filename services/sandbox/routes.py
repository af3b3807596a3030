"""From a raw path to the provider that is stood in for there."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from services.sandbox.bedrock.format import BedrockWire
from services.sandbox.openai.format import House, OpenAIWire
from services.sandbox.wire import Reply, Wire

_OPENAI = re.compile(r"/(openai|self-hosted)/v1/(chat/completions|models)")
_AZURE = re.compile(r"/azure/openai/(?:v1|deployments/([^/]+))/chat/completions")
_BEDROCK = re.compile(r"/bedrock/([a-z0-9-]+)/model/([^/]+)/(converse|converse-stream)")


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
        return None
