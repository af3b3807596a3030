"""Callers by the official SDK who try again as often as they are told to, and a hundred of them at once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai

from tests.e2e.money import Account, Priced
from tests.support.street import Street

CALLERS, ENOUGH = 100, 37


@asynccontextmanager
async def sdk(street: Street, key: str) -> AsyncIterator[openai.AsyncOpenAI]:
    """A client that tries again as often as it is told to."""
    async with openai.AsyncOpenAI(base_url=f"{street.base_url}/v1", api_key=key, max_retries=200) as client:
        yield client


async def call(client: openai.AsyncOpenAI, asked: Priced) -> str:
    """What came of it in a word: answered, unfinished, or the code of the error."""
    try:
        said: Any = await client.chat.completions.create(**asked.body)
        if not asked.body["stream"]:
            return "answered" if said.choices[0].finish_reason == "stop" else "unfinished"
        reasons = [chunk.choices[0].finish_reason async for chunk in said if chunk.choices]
    except openai.APIError as error:
        return str(error.code)
    return "answered" if reasons[-1] == "stop" else "unfinished"


async def crowd(
    street: Street, account: Account, asked: Priced, *, kill: bool = False, after: int = 10
) -> Counter[str]:
    """A hundred callers at once; `kill`: the ledger's owner falls once `after` of them have their answer."""
    async with sdk(street, account.key) as client:
        calls = [asyncio.create_task(call(client, asked)) for _ in range(CALLERS)]
        if kill:
            while sum(each.done() for each in calls) < after:  # noqa: ASYNC110 - any of them
                await asyncio.sleep(0.005)
            pid = street.kill("billing")
            await street.wait_restarted("billing", pid, 30)
        return Counter(await asyncio.gather(*calls))
