"""A sealed request as it is shown: its record with the proof in short, what is left of an erased one; its receipt."""

from typing import Any

import orjson

from libs.tlog.merkle import includes, leaf_hash
from libs.tlog.proof import Proof
from libs.tlog.receipt import commitment, extra
from libs.tlog.refusals import Reason, Refused
from services.custody.log.log import Head
from services.custody.receipts.table import Gone, Sealed
from services.custody.records import pending
from services.custody.times import rfc3339

Shown = dict[str, Any]


def shown(request_id: str, found: Sealed, head: Head | None) -> Shown:
    """`sealed` means: under a signed checkpoint that can be proven from here (`head`; None: not yet)."""
    said: Shown = _left(request_id, found) if found.gone else orjson.loads(found.record)
    if found.gone is Gone.ERASED:  # that holds before any checkpoint does
        said["status"] = found.gone.value
    elif head is not None:
        said["status"] = found.gone.value if found.gone is Gone.EXPIRED else "sealed"
    else:
        said["status"] = "pending"
    if head is not None:
        said["proof"] = _proof(request_id, found, head)
    return said


def receipt(found: Sealed, head: Head, path: list[bytes]) -> str:
    """The text of a .tlog-proof that carries record and salt. `path`: of the leaf, in the head's tree.

    Raises Refused where it would not verify: a tile, or the record, is not here any more as it was.
    """
    leaf, tree = leaf_hash(commitment(found.salt, found.record)), head.checkpoint
    if not includes(found.leaf, tree.size, leaf, path, tree.root):
        raise Refused(Reason.NOT_INCLUDED, f"the record kept for leaf {found.leaf} is not proven by the tiles here")
    carried = extra(found.salt, found.record)
    return Proof(index=found.leaf, path=path, checkpoint=head.note, extra=carried).text


def _left(request_id: str, found: Sealed) -> Shown:
    """What is said where the record is gone: its place in the log, and who erased it."""
    said: Shown = pending(request_id)
    if found.gone is Gone.ERASED:
        said["erased_at"], said["erased_by"] = rfc3339(found.erased_ms), found.erased_by or None
    return said


def _proof(request_id: str, found: Sealed, head: Head) -> Shown:
    return {
        "log": head.checkpoint.origin,
        "index": found.leaf,
        "tree_size": head.checkpoint.size,
        "root": head.checkpoint.root.hex(),
        "sealed_at": rfc3339(found.sealed_ms),
        "checkpoint_at": rfc3339(head.at_ms),
        "receipt": None if found.gone else f"/api/usage/custody/{request_id}/receipt",
    }
