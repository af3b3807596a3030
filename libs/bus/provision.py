"""Makes the streams and buckets of the subject catalogue what they must be; run by an operator, never by a service."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from libs.bus.base import Bus
from libs.bus.nats import connect
from libs.contracts.errors import BusUnavailable
from libs.contracts.subjects import BUCKETS, STREAMS, StreamSpec
from libs.runtime.settings import Settings

Config = dict[str, Any]  # a StreamConfig as the JetStream API has it; times in nanoseconds (ADR-2)

_DUPLICATES_S = 300
_BUCKET_BYTES = 256 << 20
_BUCKET_BYTES_OF = {"snapshots": 1 << 30}  # two of the ledger, compressed
_TIMEOUT_S = 10.0
_NOT_FOUND = 10059  # JSStreamNotFoundErr
# Revisions kept of a key: the most the API allows (64) where an auditor asks what was true when, one where only now
# matters.
_HISTORY = {"keys": 64, "byok": 64, "leases": 1, "sessions": 1, "balances": 1, "snapshots": 1, "alerts": 1}
_HISTORY_OTHERS = 8
_MAX_AGE_S = {"sessions": 31 * 86_400}  # longer than a session can last; the others are kept
# What streams and buckets may claim of a small store together; the rest is for what comes later.
_SHARE = 0.8


@dataclass(frozen=True, kw_only=True)
class Provisioned:
    """One stream (a bucket is the stream `KV_<bucket>`) as it stands now."""

    name: str
    max_bytes: int
    created: bool


async def provision(
    nats_url: str, operator_seed_file: Path | None, *, replicas: int = 1, store_bytes: int | None = None
) -> list[Provisioned]:
    """Create what is missing, update what differs; nothing is ever deleted.

    `store_bytes` is the broker's own limit where it is small. Raises BusUnavailable with the broker's reason.
    """
    settings = Settings(nats_url=nats_url, nats_seed_file=operator_seed_file)
    async with connect("operator", settings) as bus:
        return [await _ensure(bus, c) for c in configurations(replicas=replicas, store_bytes=store_bytes)]


def configurations(*, replicas: int, store_bytes: int | None) -> Iterable[Config]:
    """Every stream and every bucket as the broker should have it."""
    share = scale(store_bytes)
    for spec in STREAMS:
        yield _stream(spec, replicas, int(spec.max_bytes * share))
    for bucket in BUCKETS:
        yield _bucket(bucket, replicas, int(_BUCKET_BYTES_OF.get(bucket, _BUCKET_BYTES) * share))


def scale(store_bytes: int | None) -> float:
    """By what every size is multiplied so that their sum fits the store; None: a store without bound."""
    if not store_bytes:
        return 1.0
    wanted = sum(spec.max_bytes for spec in STREAMS)
    wanted += sum(_BUCKET_BYTES_OF.get(bucket, _BUCKET_BYTES) for bucket in BUCKETS)
    return min(1.0, store_bytes * _SHARE / wanted)


def _stream(spec: StreamSpec, replicas: int, max_bytes: int) -> Config:
    return {
        **_common(replicas, max_bytes),
        "name": spec.name,
        "subjects": list(spec.subjects),
        "max_age": spec.max_age_s * 10**9,
        "duplicate_window": _DUPLICATES_S * 10**9,
        "deny_delete": spec.deny_delete,
        "deny_purge": spec.deny_delete,
    }


def _bucket(bucket: str, replicas: int, max_bytes: int) -> Config:
    """A key-value bucket is a stream of this form (ADR-8)."""
    return {
        **_common(replicas, max_bytes),
        "name": f"KV_{bucket}",
        "subjects": [f"$KV.{bucket}.>"],
        "max_msgs_per_subject": _HISTORY.get(bucket, _HISTORY_OTHERS),
        "max_age": _MAX_AGE_S.get(bucket, 0) * 10**9,
        "duplicate_window": 120 * 10**9,
        "allow_rollup_hdrs": True,
        "deny_delete": True,
    }


def _common(replicas: int, max_bytes: int) -> Config:
    """Full means refuse: with the other policy the oldest record would go without a word."""
    return {
        "retention": "limits",
        "storage": "file",
        "discard": "new",
        "max_consumers": -1,
        "max_msgs": -1,
        "max_bytes": max_bytes,
        "num_replicas": replicas,
        "allow_direct": True,
    }


async def _ensure(bus: Bus, config: Config) -> Provisioned:
    name = config["name"]
    # Asked first: the server refuses to create even an identical stream where its size would not fit a second time.
    held = await _api(bus, f"STREAM.INFO.{name}", {})
    created = held.get("error", {}).get("err_code") == _NOT_FOUND
    answer = await _api(bus, f"STREAM.{'CREATE' if created else 'UPDATE'}.{name}", config)
    if "error" in answer:
        raise BusUnavailable(f"the broker refused {name}: {answer['error'].get('description', 'no reason given')}")
    return Provisioned(name=name, max_bytes=int(answer["config"]["max_bytes"]), created=created)


async def _api(bus: Bus, verb: str, config: Config) -> dict[str, Any]:
    answer: dict[str, Any] = orjson.loads(await bus.request(f"$JS.API.{verb}", orjson.dumps(config), _TIMEOUT_S))
    return answer
