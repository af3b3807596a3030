"""What tests of every room share: one running street and one bare broker per session."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import settings

from tests.support.broker import Broker, open_to_all
from tests.support.street import Street

_OF_PROCESSES = ("chaos", "clients", "e2e", "integration")

# A property is true or not, however long an example takes: machines stand still for seconds.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What waits for real processes is tried a second time, and counted as rerun: machines stand still for seconds."""
    here = Path(__file__).parent
    for item in items:
        if item.path.relative_to(here).parts[0] in _OF_PROCESSES:
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """The second try has as long as the first: pytest-timeout sets its clock once for both, and it has rung."""
    if getattr(item, "execution_count", 1) > 1:
        timeouts: Any = item.config.pluginmanager.get_plugin("timeout")
        item.ihook.pytest_timeout_cancel_timer(item=item)
        item.ihook.pytest_timeout_set_timer(item=item, settings=timeouts._get_item_settings(item))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def street(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Street]:
    """The whole street with the sandbox, shared: a test that kills or fills something starts its own."""
    async with Street(tmp_path_factory.mktemp("street") / "state") as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def failing_street(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Street]:
    """A module's own, where its providers fail: breakers that open there, and limits, are not the others' business."""
    async with Street(tmp_path_factory.mktemp("failing") / "state") as started:
        yield started


@pytest.fixture(scope="session")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A provisioned nats-server that lets everybody in; whoever kills it starts it again."""
    broker = Broker(tmp_path_factory.mktemp("nats"), open_to_all)
    broker.start()
    broker.provision()
    yield broker
    broker.kill()
