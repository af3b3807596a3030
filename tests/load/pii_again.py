"""What a conversation costs that was substituted in before: all of its turns are known, and all is substituted anew."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final, NamedTuple

import orjson

from libs.bus.memory import MemoryBus
from libs.contracts.northern.v1.envelope_pb2 import Dialect, Envelope, Shape
from libs.telemetry.metrics import Metrics
from services.pii.account_policies.watched import Policies
from services.pii.hop.finding import Finder
from services.pii.hop.masking import Masker
from services.pii.hop.spans import Spans
from services.pii.recognizers.detector import Detector

_TURNS, _SIZE, _TIMES, _KILO = 16, 2_000, 12, 1_000
# Prose without anything personal in it, to thin out sentences that are full of it.
_PROSE: Final = (
    "We looked at the figures of the third quarter and found them about as good as those of the second, with the "
    "exception of travel; what was said of the plan still holds, and nothing has to be changed in it for now. "
)


class Again(NamedTuple):
    """Of one conversation: entities in 1,000 characters, and microseconds of CPU for as many, the least of twelve."""

    entities: float
    cost: float


def again(detector: Detector, texts: Sequence[str], prose: int) -> Again:
    """`prose`: how many sentences of it stand behind each of the texts."""
    return asyncio.run(_again(detector, _turns(texts, prose)))


def _turns(texts: Sequence[str], prose: int) -> list[str]:
    turns, turn = list[str](), ""
    for text in texts:
        turn += f"{text} {_PROSE * prose}\n"
        if len(turn) >= _SIZE:
            turns.append(turn)
            turn = ""
        if len(turns) == _TURNS:
            break
    return turns


async def _again(detector: Detector, turns: Sequence[str]) -> Again:
    policies = Policies(MemoryBus(), Metrics())
    await policies.start()
    masker = Masker(policies=policies, finder=Finder(detector=detector, spans=Spans(_KILO)), master=b"m" * 32)
    roles = ("user", "assistant")
    body = orjson.dumps({"messages": [{"role": roles[at % 2], "content": turn} for at, turn in enumerate(turns)]})
    asked = Envelope(tenant="t_one", key_id="k_one", dialect=Dialect.DIALECT_OPENAI_CHAT, shape=Shape(text_bytes=1))
    masked, least = await masker.mask(asked, body), float("inf")
    for _ in range(_TIMES):
        before = time.process_time()
        masked = await masker.mask(asked, body)
        least = min(least, time.process_time() - before)
    await policies.close()
    size = sum(map(len, turns)) / _KILO
    return Again(entities=sum(masked.counts.values()) / size, cost=least * 1e6 / size)
