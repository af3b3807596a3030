"""Work on whole bodies: beside the loop where one is large, so that running streams get their turn."""

import asyncio
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

LARGE: Final = 1 << 20  # bytes: more would hold the loop up for longer than a stream should wait


async def joined(parts: Sequence[bytes]) -> bytes:
    """All of them in one; as large a join lets go of the interpreter."""
    if sum(map(len, parts)) > LARGE:
        return await asyncio.to_thread(b"".join, parts)
    return b"".join(parts)


async def keyed_hash(key: bytes, body: bytes) -> bytes:
    """HMAC-SHA-256, 32 bytes."""
    if len(body) > LARGE:
        return await asyncio.to_thread(hmac.digest, key, body, hashlib.sha256)
    return hmac.digest(key, body, "sha256")
