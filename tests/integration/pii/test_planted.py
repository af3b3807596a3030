"""Values of every structured type planted in every role and position: none of them leaves."""

import random
from collections import Counter
from typing import Final

import orjson
import pytest

from libs.contracts.northern.v1.envelope_pb2 import Dialect
from tests.support.planted import Planted, anthropic, openai, sentences
from tests.unit.pii.hop.test_masking import Room, envelope

PROMPTS: Final = 300


@pytest.mark.parametrize("dialect", [Dialect.DIALECT_OPENAI_CHAT, Dialect.DIALECT_ANTHROPIC_MESSAGES])
async def test_nothing_that_was_planted_leaves(dialect: Dialect) -> None:
    room, chance = Room(), random.Random(7)  # a seed, so that a failure comes again
    await room.policies.start()
    leaked: list[Planted] = []
    for _ in range(PROMPTS):
        planted: list[Planted] = []
        build = openai if dialect == Dialect.DIALECT_OPENAI_CHAT else anthropic
        asked = envelope()
        asked.dialect = dialect
        masked = await room.masker.mask(asked, orjson.dumps(build(sentences(chance, planted))))
        assert masked.body is not None
        sent = masked.body.decode()
        leaked += [each for each in planted if each.value in sent]
    await room.policies.close()
    assert not leaked, Counter(each.kind for each in leaked)
