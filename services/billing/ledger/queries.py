"""The one question the ledger asks of the store: how far its second copy of the journal goes."""

from typing import Final

from libs.store.base import Store

_HEAD: Final = """
    SELECT max(seq) AS last, argMax(hash, seq) AS hash FROM ledger_journal WHERE shard = {shard:UInt32}
"""


async def copy_head(store: Store, shard: int) -> tuple[int, bytes] | None:
    """Sequence and seal of the last message copied, None where none is. Raises StoreUnavailable, StoreRefused."""
    (found,) = await store.query(_HEAD, {"shard": shard})
    return (int(found["last"]), bytes.fromhex(found["hash"])) if found["last"] else None
