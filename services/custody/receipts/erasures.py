"""Erasures and rules (legal holds, retention): the facts that state them, and the tables they are projected into."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import orjson
from google.protobuf.message import DecodeError

from libs.auth.acts import administered
from libs.bus.base import Stored
from libs.contracts.ids import REQUEST_ID
from libs.contracts.northern.v1.facts_pb2 import Admin, Fact, FactBatch
from libs.contracts.northern.v1.query_pb2 import CustodyAct
from libs.projection.base import Placed
from libs.projection.facts import facts_in
from libs.store.base import Store

_KIND: Final = "admin"
ERASURES: Final = "custody_erasures"
RULES: Final = "custody_rules"
_ERASURE_COLUMNS: Final = ("tenant", "request_id", "at", "actor", "standing", "stream_seq", "purged")
_RULE_COLUMNS: Final = ("tenant", "rule", "target", "value", "at", "actor", "standing", "reason", "version")
_LATEST_MS: Final = 4_102_444_800_000  # 2100, as for every other fact
_WIDTH: Final = 1 << 16  # facts of one message, at most: by that a place in EVENTS is one number

_AMONG: Final = """
    SELECT tenant, request_id FROM custody_erasures WHERE request_id IN {ids:Array(String)}
"""
_DUE: Final = "SELECT * FROM custody_erasures FINAL WHERE purged = 0 ORDER BY stream_seq LIMIT {most:UInt32}"
_HOLDS: Final = """
    SELECT * FROM custody_rules FINAL WHERE rule = 'hold' AND value = 1 AND tenant = {tenant:String} ORDER BY target
"""
_RETENTION: Final = "SELECT * FROM custody_rules FINAL WHERE rule = 'retention' AND tenant = {tenant:String}"
_RETENTIONS: Final = "SELECT * FROM custody_rules FINAL WHERE rule = 'retention' AND value > 0 ORDER BY tenant"


class Verb(StrEnum):
    """What of custody can be done to an account; names of the acts in EVENTS and in the log of acts."""

    ERASE = "custody_erase"
    HOLD = "custody_hold_put"
    LIFT = "custody_hold_delete"
    RETAIN = "custody_retention_put"


@dataclass(frozen=True, kw_only=True, slots=True)
class Erasure:
    tenant: str
    request_id: str
    at: datetime
    actor: str
    standing: str
    stream_seq: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """A legal hold on `target` (empty: on everything), or how many days records are kept."""

    tenant: str
    target: str
    value: int
    at: datetime
    actor: str
    standing: str
    reason: str


def act_of(verb: Verb, act: CustodyAct, act_id: str, at_ms: int) -> Fact:
    """The fact that states an act. What it says beside who and whom is in `detail`, as the log of acts shows it."""
    fact = administered(
        act_id=act_id,
        at_ms=at_ms,
        verb=verb.value,
        tenant=act.tenant,
        actor=act.actor,
        standing=act.standing,
        actor_tenant=act.actor_tenant,
        target=act.request_id,
    )
    said: dict[str, Any] = {}
    if verb is Verb.RETAIN:
        said["days"] = act.days
    if act.reason:
        said["reason"] = act.reason
    fact.admin.detail = orjson.dumps(said, option=orjson.OPT_SORT_KEYS).decode()
    return fact


def facts_and_acts_in(message: Stored) -> Sequence[Placed] | None:
    """The facts of a message of EVENTS, of requests or of custody's own acts. Raises UnreadableError.

    An administrative act that cannot be read is put aside by the reader of all of them.
    """
    if message.subject.split(".")[1:2] != [_KIND]:
        return facts_in(message)
    try:
        batch = FactBatch.FromString(message.data)
    except DecodeError:
        return None
    return [Placed(message.seq, idx, _KIND, fact) for idx, fact in enumerate(batch.facts) if _is_ours(fact)]


def _is_ours(fact: Fact) -> bool:
    act = fact.admin
    if act.verb not in set(Verb) or not fact.tenant or not 0 <= fact.at_ms < _LATEST_MS:
        return False
    return REQUEST_ID.fullmatch(act.target) is not None or (not act.target and act.verb != Verb.ERASE)


class ErasureTable:
    """Both tables. Raises StoreUnavailable."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def take(self, acts: Sequence[Placed]) -> None:
        """Make the acts count; the same again changes nothing."""
        erased, ruled = [], []
        for seq, idx, _, fact in acts:
            act = fact.admin
            if act.verb == Verb.ERASE:
                erased.append((fact.tenant, act.target, fact.at_ms, act.actor, act.standing, seq, 0))
            else:
                ruled.append(_rule_row(fact, act, seq * _WIDTH + idx))
        if erased:
            await self._store.insert(ERASURES, _ERASURE_COLUMNS, erased)
        if ruled:
            await self._store.insert(RULES, _RULE_COLUMNS, ruled)

    async def among(self, ids: Sequence[str]) -> frozenset[tuple[str, str]]:
        """Which of these requests are erased, by tenant and id."""
        rows = await self._store.query(_AMONG, {"ids": list(ids)})
        return frozenset((row["tenant"], row["request_id"]) for row in rows)

    async def due(self, most: int) -> list[Erasure]:
        """Erasures of which salt, record and facts still lie somewhere."""
        return [_erasure(row) for row in await self._store.query(_DUE, {"most": most})]

    async def purged(self, erasures: Sequence[Erasure]) -> None:
        rows = [(e.tenant, e.request_id, e.at, e.actor, e.standing, e.stream_seq, 1) for e in erasures]
        await self._store.insert(ERASURES, _ERASURE_COLUMNS, rows)

    async def holds(self, tenant: str) -> list[Rule]:
        """Every legal hold on an account or on one of its requests."""
        return [_rule(row) for row in await self._store.query(_HOLDS, {"tenant": tenant})]

    async def retention(self, tenant: str) -> Rule | None:
        """The last that was said of it."""
        rows = await self._store.query(_RETENTION, {"tenant": tenant})
        return _rule(rows[0]) if rows else None

    async def retentions(self) -> list[Rule]:
        """Of every account whose records are not kept for ever."""
        return [_rule(row) for row in await self._store.query(_RETENTIONS)]


def _rule_row(fact: Fact, act: Admin, version: int) -> tuple[object, ...]:
    try:
        said = orjson.loads(act.detail or "{}")
    except orjson.JSONDecodeError:
        said = {}
    rule, value = ("hold", int(act.verb == Verb.HOLD))
    if act.verb == Verb.RETAIN:
        rule, value = "retention", int(said.get("days", 0))
    reason = str(said.get("reason", ""))
    return (fact.tenant, rule, act.target, value, fact.at_ms, act.actor, act.standing, reason, version)


def _erasure(row: Mapping[str, Any]) -> Erasure:
    return Erasure(**{name: row[name] for name in _ERASURE_COLUMNS if name != "purged"})


def _rule(row: Mapping[str, Any]) -> Rule:
    return Rule(**{name: row[name] for name in _RULE_COLUMNS if name not in ("rule", "version")})
