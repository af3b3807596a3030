"""What the sandbox has been sent since a moment: the session's whole log is long, and read once only."""

from typing import Any
from weakref import WeakKeyDictionary

import aiohttp
import orjson

from tests.support.street import Street

_PAGE = 1000
_ends: WeakKeyDictionary[Street, int] = WeakKeyDictionary()  # the last sequence known of each street


async def mark(street: Street) -> int:
    """This moment, as `since` takes it."""
    found = await since(street, _ends.get(street, 0))
    if found:
        _ends[street] = found[-1]["seq"]
    return _ends.get(street, 0)


async def since(street: Street, moment: int) -> list[dict[str, Any]]:
    """The requests received after `mark` returned that, oldest first."""
    found: list[dict[str, Any]] = []
    url = f"http://127.0.0.1:{street.ports()['sandbox']}/_sandbox/log"
    async with aiohttp.ClientSession() as session:
        while True:
            async with session.get(url, params={"after": str(moment), "limit": str(_PAGE)}) as answer:
                page = orjson.loads(await answer.read())
            found += page["requests"]
            moment = page["next"]
            if len(page["requests"]) < _PAGE:
                return found
