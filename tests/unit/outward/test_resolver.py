"""Look-ups: checked, and held up by as little of what others ask for as can be."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from libs.outward.resolver import Checked, Forbidden
from services.worker.images.fetcher import Limits


async def test_names_that_nobody_answers_for_hold_up_no_other_look_up() -> None:
    answered = threading.Event()

    def blocking(host: str) -> list[str]:
        if host != "prompt.example":
            answered.wait()
        return ["192.0.2.1"]

    async def resolve(host: str, _: int, threads: ThreadPoolExecutor) -> list[str]:
        return await asyncio.get_running_loop().run_in_executor(threads, blocking, host)

    checked = Checked(lambda _: True, resolve)
    slow = [asyncio.create_task(checked.resolve("slow.example")) for _ in range(4 * Limits().parallel)]
    try:
        await asyncio.sleep(0)
        (found,) = await asyncio.wait_for(checked.resolve("prompt.example", 443), 5)
        assert (found["host"], found["port"]) == ("192.0.2.1", 443)
    finally:
        answered.set()
        await asyncio.gather(*slow)
        await checked.close()


async def test_one_address_that_may_not_be_dialled_forbids_the_name() -> None:
    async def resolve(*_: object) -> list[str]:
        return ["192.0.2.1", "127.0.0.1"]

    checked = Checked(lambda address: address != "127.0.0.1", resolve)
    with pytest.raises(Forbidden):
        await checked.resolve("both.example", 443)
    await checked.close()
