"""Every subject, stream, bucket and queue group on the bus, and who may use which: permissions are generated from here.

User text never becomes a subject: what varies is a replica name, random hex or a shard number, checked by `token`.
"""

import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

SERVICES = ("ingress", "pii", "router", "worker", "billing", "custody", "accounts", "portal", "operator")
BUCKETS = (
    "tenants", "users", "sessions", "keys", "aliases", "byok", "catalog", "leases", "balances", "snapshots", "policies",
    "alerts", "checkpoints", "feedback",
)  # fmt: skip
FACT_KINDS = ("egress", "finished", "delivered", "refused", "pii", "admin", "feedback")
SHARDS = 1  # of EVENTS and the ledger; more when one account's writer is not enough (decision 0004)

ROUTE = "ni.infer.route"
PII = "ni.infer.pii"
EVERY_BEAT = "ni.beat.*"
EVENTS = "EVENTS"
LEDGER = "LEDGER"
TLOG = "TLOG"  # leaves of the transparency log, in its order
RECORDS = "RECORDS"  # what the leaves commit to, until it is in the store
CHECKPOINTS = "checkpoints"  # bucket: the log's signed head
DLQ = "DLQ"
ADVISORY = "ADVISORY"

_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")


def token(text: str) -> str:
    """The text itself, if it may stand in a subject; ValueError otherwise."""
    if not _TOKEN.fullmatch(text):
        raise ValueError(f"{text!r} may not stand in a subject")
    return text


def random_token() -> str:
    """64 random bits, the last token of every per-request subject: unlikely twice; permissions are what protects it."""
    return f"{random.getrandbits(64):016x}"


def work(egress: str) -> str:
    return f"ni.work.{token(egress)}"


def reply(service: str, replica: str, last: str) -> str:
    return f"ni.reply.{service}.{replica}.{last}"


def ctl(service: str, replica: str, last: str) -> str:
    return f"ni.ctl.{service}.{replica}.{last}"


def nak(service: str, replica: str, last: str) -> str:
    return f"ni.nak.{service}.{replica}.{last}"


def body(service: str, replica: str, last: str) -> str:
    return f"ni.body.{service}.{replica}.{last}"


def beat(service: str) -> str:
    return f"ni.beat.{token(service)}"


def query(service: str, verb: str) -> str:
    return f"ni.query.{token(service)}.{token(verb)}"


def fact(kind: str, shard: int) -> str:
    if kind not in FACT_KINDS:
        raise ValueError(f"{kind!r} is no kind of fact")
    return f"ev.{kind}.{shard}"


def ledger(shard: int) -> str:
    """Where a shard of the ledger is asked."""
    return f"ni.ledger.{shard}"


def journal(shard: int) -> str:
    """Where a shard of the ledger writes down what it did."""
    return f"ledger.{shard}"


def tlog() -> str:
    """Where leaves are written; one subject, so that the sequence it must have is a fence."""
    return "tlog"


def records() -> str:
    """Where the records of leaves to come are written."""
    return "records"


def dead_letter(purpose: str) -> str:
    return f"dlq.{token(purpose)}"


def shard_of(tenant: str, shards: int = SHARDS) -> int:
    """The shard an account lives on; the same everywhere and for ever while `shards` is."""
    return 0 if shards == 1 else sum(tenant.encode()) % shards


@dataclass(frozen=True, kw_only=True)
class StreamSpec:
    """A JetStream stream as it must be. `max_age_s` 0: for ever. Sizes in bytes; full means refuse, never forget."""

    name: str
    subjects: tuple[str, ...]
    max_bytes: int
    max_age_s: int = 0
    deny_delete: bool = False


STREAMS = (
    StreamSpec(name=EVENTS, subjects=("ev.>",), max_bytes=16 << 30, max_age_s=30 * 86_400, deny_delete=True),
    StreamSpec(name=LEDGER, subjects=("ledger.>",), max_bytes=8 << 30, deny_delete=True),
    StreamSpec(name=TLOG, subjects=("tlog",), max_bytes=4 << 30, deny_delete=True),
    StreamSpec(name=RECORDS, subjects=("records",), max_bytes=8 << 30, max_age_s=7 * 86_400),
    StreamSpec(name=DLQ, subjects=("dlq.>",), max_bytes=1 << 30),
    StreamSpec(name=ADVISORY, subjects=("$JS.EVENT.ADVISORY.>",), max_bytes=256 << 20, max_age_s=7 * 86_400),
)


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What a service may do, in subjects (streams and buckets are turned into theirs)."""

    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()
    read_streams: tuple[str, ...] = ()
    watch: tuple[str, ...] = ()  # buckets
    write: tuple[str, ...] = ()  # buckets


def _edge(service: str) -> Grant:
    """What every holder of a running request needs: frames in, control out, its own refusals and bodies."""
    return Grant(
        publish=("ni.ctl.*.*.*", f"ni.beat.{service}"),
        subscribe=(f"ni.reply.{service}.*.*", f"ni.nak.{service}.*.*", f"ni.body.{service}.*.*"),
    )


def _join(*grants: Grant) -> Grant:
    return Grant(
        **{
            name: tuple(dict.fromkeys(s for grant in grants for s in getattr(grant, name)))
            for name in ("publish", "subscribe", "read_streams", "watch", "write")
        }
    )


GRANTS: Mapping[str, Grant] = {
    "ingress": _join(
        _edge("ingress"),
        Grant(
            publish=(ROUTE, PII, "ni.ledger.*", "ev.delivered.*", "ev.refused.*", "ev.feedback.*", "ni.query.*.*"),
            subscribe=("ni.beat.*",),
            watch=("tenants", "keys", "aliases", "catalog", "leases", "balances"),
            write=("leases",),
        ),
    ),
    "pii": _join(
        _edge("pii"),
        Grant(
            publish=(ROUTE, "ni.reply.ingress.*.*", "ev.pii.*", "ev.admin.*", "ni.body.ingress.*.*", "dlq.*"),
            subscribe=(PII, "ni.ctl.pii.*.*", "ni.query.pii.*"),
            read_streams=(EVENTS,),
            watch=("tenants", "policies", "leases"),
            write=("policies", "leases"),
        ),
    ),
    "router": Grant(
        publish=("ni.work.*", "ni.reply.*.*.*", "ni.beat.router", "ev.refused.*"),
        subscribe=(ROUTE, "ni.nak.router.*.*", "ni.beat.*", "ni.query.router.*"),
        watch=("tenants", "aliases", "catalog", "leases", "feedback"),
        write=("leases",),
    ),
    "worker": Grant(
        publish=(
            "ni.reply.*.*.*",
            "ni.body.*.*.*",
            "ni.work.*",
            "ni.ledger.*",
            "ni.beat.worker",
            "ev.egress.*",
            "ev.finished.*",
            "ev.refused.*",
        ),
        subscribe=("ni.work.*", "ni.ctl.worker.*.*", "ni.nak.worker.*.*"),
        watch=("tenants", "byok", "catalog", "leases"),
        write=("leases",),
    ),
    "billing": Grant(
        # Besides reading: the journal's last batch from the leader itself, who alone knows whether ours is in it, and
        # whether a dead letter was put back.
        publish=(
            "ni.beat.billing",
            "ledger.*",
            "dlq.*",
            "ev.admin.*",
            f"$JS.API.STREAM.MSG.GET.{LEDGER}",
            f"$JS.API.STREAM.MSG.GET.{DLQ}",
        ),
        subscribe=("ni.ledger.*", "ni.query.billing.*"),
        read_streams=(EVENTS, LEDGER, DLQ),
        watch=("tenants", "keys", "catalog", "leases", "snapshots", "balances", "alerts", "feedback"),
        write=("leases", "snapshots", "balances", "alerts", "feedback"),
    ),
    "custody": Grant(
        # Besides reading: the log's last batch from the leader, as billing does. Records in the store are dropped.
        publish=(
            "ni.beat.custody",
            "ev.finished.*",
            "ev.admin.*",
            "tlog",
            "records",
            "dlq.*",
            f"$JS.API.STREAM.MSG.GET.{TLOG}",
            f"$JS.API.STREAM.MSG.GET.{RECORDS}",
            f"$JS.API.STREAM.PURGE.{RECORDS}",
        ),
        subscribe=("ni.query.custody.*", "ni.beat.*"),
        read_streams=(EVENTS, TLOG, RECORDS),
        watch=("tenants", "leases", CHECKPOINTS),
        write=("leases", CHECKPOINTS),
    ),
    "accounts": Grant(
        publish=("ni.beat.accounts", "ev.admin.*"),
        subscribe=("ni.query.accounts.*",),
        watch=BUCKETS,
        write=("tenants", "users", "sessions", "keys", "aliases", "byok", "leases"),
    ),
    "portal": Grant(publish=("ni.query.*.*", "ni.beat.portal"), subscribe=("ni.beat.*",), watch=("catalog",)),
}


@dataclass(frozen=True, kw_only=True)
class Permissions:
    """Allow-lists for one nkey, as nats-server reads them."""

    publish: tuple[str, ...] = field(default=())
    subscribe: tuple[str, ...] = field(default=())


def inbox_prefix(service: str) -> str:
    """Where answers to a service's own requests arrive; nobody else may listen there."""
    return f"_INBOX_{token(service)}"


def answers(service: str) -> bool:
    """Whether a service answers requests, on inboxes that are not its own."""
    grant = GRANTS.get(service)
    return grant is not None and any(s.startswith(("ni.query.", "ni.ledger.", "ni.body.")) for s in grant.subscribe)


def permissions(service: str) -> Permissions:
    """Allow-lists of a service. `operator` (migrations, dead letters, `ni`) may use the whole JetStream API.

    It puts dead letters back into EVENTS; that gives it nothing that the JetStream API does not.
    """
    inbox = f"{inbox_prefix(service)}.>"
    if service == "operator":
        return Permissions(
            publish=("$JS.API.>", "$JS.ACK.>", "$KV.>", "dlq.>", "ev.>", "ni.query.>"), subscribe=(inbox, "ni.beat.*")
        )
    grant = GRANTS[service]
    publish: list[str] = list(grant.publish)
    for stream in grant.read_streams:
        publish += _reading(stream)
    for bucket in grant.watch:
        publish += [
            *_reading(f"KV_{bucket}"),
            f"$JS.API.DIRECT.GET.KV_{bucket}.>",
            f"$JS.API.STREAM.MSG.GET.KV_{bucket}",
        ]
    publish += [f"$KV.{bucket}.>" for bucket in grant.write]
    return Permissions(publish=tuple(dict.fromkeys(publish)), subscribe=(*grant.subscribe, inbox))


def _reading(stream: str) -> Iterable[str]:
    """JetStream API subjects a reader with its own ephemeral consumer needs on one stream."""
    return (
        f"$JS.API.STREAM.INFO.{stream}",
        f"$JS.API.CONSUMER.CREATE.{stream}.>",
        f"$JS.API.CONSUMER.INFO.{stream}.>",
        f"$JS.API.CONSUMER.DELETE.{stream}.>",
        f"$JS.API.CONSUMER.MSG.NEXT.{stream}.>",
        f"$JS.ACK.{stream}.>",
        f"$JS.FC.{stream}.>",
    )
