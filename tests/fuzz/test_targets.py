"""Every target of `make fuzz` takes its corpus and a few hundred changes of it: they stay alive without a fuzzer."""

from random import Random

import pytest

from tests.fuzz import mutation
from tests.fuzz.targets import TARGETS

ROUNDS = 200


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_takes_its_corpus_and_changes_of_it(name: str) -> None:
    target = TARGETS[name]
    random = Random(name)
    for seed in [b"", *target.corpus]:
        target.check(seed)
    for at in range(ROUNDS):
        data = random.choice(target.corpus)
        for _ in range(random.randrange(1, 4)):
            data = mutation.changed(data, 1 << 14, random.getrandbits(32), mutation.random_bytes(at))
        target.check(data)
