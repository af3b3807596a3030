"""Administrative acts: facts of EVENTS made into rows of `admin_log`, and rows as they are shown."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from google.protobuf.message import DecodeError

from libs.bus.base import Stored
from libs.contracts.northern.v1.facts_pb2 import FactBatch
from libs.projection.base import Placed, UnreadableError

TABLE: Final = "admin_log"
COLUMNS: Final = tuple("tenant at act_id verb actor standing actor_tenant target members detail stream_seq".split())
_KIND: Final = "admin"
_SUBJECT: Final = f"ev.{_KIND}."
_ID: Final = re.compile(r"[A-Za-z0-9:_-]{1,128}", re.ASCII)
_LATEST_MS: Final = 4_102_444_800_000  # 2100, as for every other fact


def acts_in(message: Stored) -> list[Placed] | None:
    """The acts in a message of EVENTS, None where it holds something else. Raises UnreadableError."""
    if not message.subject.startswith(_SUBJECT):
        return None
    try:
        batch = FactBatch.FromString(message.data)
    except DecodeError as error:
        raise UnreadableError("decode") from error
    for fact in batch.facts:
        if fact.WhichOneof("kind") != _KIND:
            raise UnreadableError("kind")
        if not fact.tenant or not _ID.fullmatch(fact.admin.act_id) or not 0 <= fact.at_ms < _LATEST_MS:
            raise UnreadableError("value")
    return [Placed(message.seq, idx, _KIND, fact) for idx, fact in enumerate(batch.facts)]


def rows(block: Sequence[Placed]) -> list[tuple[Any, ...]]:
    """The values of COLUMNS, of the acts in a block."""
    return [
        (
            fact.tenant,
            fact.at_ms,
            act.act_id,
            act.verb,
            act.actor,
            act.standing,
            act.actor_tenant,
            act.target,
            ",".join(act.members),
            act.detail,
            seq,
        )
        for seq, _, kind, fact in block
        if kind == _KIND and (act := fact.admin)
    ]


def shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """An act as it is told."""
    return {
        "id": row["act_id"],
        "object": "admin.act",
        "tenant": row["tenant"],
        "at": row["at"].isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "verb": row["verb"],
        "actor": row["actor"],
        "standing": row["standing"],
        "actor_tenant": row["actor_tenant"],
        "target": row["target"] or None,
        "members": row["members"].split(",") if row["members"] else [],
        "detail": orjson.loads(row["detail"] or "{}"),
    }
