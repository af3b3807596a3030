"""Dead letters on a real broker with the street's own keys: billing may list what the operator put back."""

from collections.abc import Iterator

import orjson
import pytest

from cli.dead_letters import letters, replay
from libs.bus.nats import connect
from libs.contracts.northern.v1.query_pb2 import DeadLettersAsk, ListTold
from libs.contracts.subjects import EVENTS, dead_letter
from libs.embedded import keyring
from libs.runtime.settings import Settings
from services.billing.dead_letters import DeadLetters
from tests.support.broker import Broker, locked_broker


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with locked_broker(tmp_path_factory.mktemp("locked")) as broker:
        yield broker


def settings_of(broker: Broker, service: str) -> Settings:
    return Settings(nats_url=broker.url, nats_seed_file=keyring.seed_file(broker.folder / "secrets", service))


async def test_what_a_reader_put_aside_is_listed_and_after_its_replay_said_to_be_back(locked: Broker) -> None:
    async with (
        connect("billing", settings_of(locked, "billing")) as billing,
        connect("operator", settings_of(locked, "operator")) as operator,
    ):
        for seq in range(1, 6):
            said = {"subject": "ev.finished.0", "stream": EVENTS, "seq": seq, "error_type": "decode", "data": "eA=="}
            await billing.append(dead_letter("custody"), orjson.dumps(said), msg_id=f"custody-{seq}")
        (second,) = [one for one in await letters(operator) if one.seq == 2]
        assert await replay(operator, [second]) == []
        assert [one.replayed for one in await letters(operator)] == [0, 1, 0, 0, 0]

        found, cursor = list[tuple[int, int | None]](), ""
        while True:
            ask = DeadLettersAsk(cursor=cursor, limit=2)
            told = ListTold.FromString(await DeadLetters(bus=billing).page(ask.SerializeToString()))
            assert not told.HasField("failure"), told.failure
            found += [(each["seq"], each["replayed"]) for each in map(orjson.loads, told.entries)]
            cursor = told.next
            if not cursor:
                break
    assert found == [(5, None), (4, None), (3, None), (2, 1), (1, None)]
