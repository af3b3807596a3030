"""Large bodies are put together and hashed to the same bytes as small ones."""

import hmac

import pytest

from libs.contracts.large import LARGE, joined, keyed_hash


@pytest.mark.parametrize("size", [0, 1, LARGE, LARGE + 1])
async def test_a_body_of_any_size_is_joined_and_hashed_as_it_is(size: int) -> None:
    parts = [b"a" * (size // 2), b"b" * (size - size // 2)]
    body = await joined(parts)
    assert body == b"".join(parts)
    assert await keyed_hash(b"salt", body) == hmac.digest(b"salt", body, "sha256")
