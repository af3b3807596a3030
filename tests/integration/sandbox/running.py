"""A running sandbox as its tests see it."""

from dataclasses import dataclass
from typing import Any

import aiohttp

SECRET = "a-secret-for-tests"


@dataclass(frozen=True, kw_only=True)
class Running:
    """The sandbox's address and a plain session to it."""

    url: str
    http: aiohttp.ClientSession

    async def log(self, after: int = 0) -> list[dict[str, Any]]:
        async with self.http.get(f"{self.url}/_sandbox/log?after={after}") as response:
            found: list[dict[str, Any]] = (await response.json())["requests"]
            return found

    async def chat(self, prompt: str, house: str = "openai", **more: Any) -> aiohttp.ClientResponse:
        """A chat completion as plain HTTP."""
        body = {"model": "gpt-4o", "messages": [{"role": "user", "content": prompt}], **more}
        return await self.http.post(
            f"{self.url}/{house}/v1/chat/completions", json=body, headers={"authorization": "Bearer k"}
        )
