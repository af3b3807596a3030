"""Every service against every subject, on a real server with the keys and the lists the street starts it with."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path

import pytest

from libs.bus.memory import matches
from libs.contracts import subjects
from libs.contracts.subjects import BUCKETS, FACT_KINDS, GRANTS, SERVICES, STREAMS, permissions
from libs.embedded import keyring
from tests.support.broker import Broker, locked_broker
from tests.support.wire import Wire

REPLICA, LAST = "0123456789abcdef", "fedcba9876543210"
STREAM_NAMES = (*(spec.name for spec in STREAMS), *(f"KV_{bucket}" for bucket in BUCKETS))


def catalogue() -> list[str]:
    """One subject of every kind there is, for every service, stream and bucket."""
    found = [subjects.ROUTE, "ni.infer.pii", subjects.work("openai"), subjects.work("bedrock-ca"), "ni.ledger.0"]
    for service in SERVICES:
        who = (service, REPLICA, LAST)
        found += [subjects.reply(*who), subjects.ctl(*who), subjects.nak(*who), subjects.body(*who)]
        found += [subjects.beat(service), subjects.query(service, "any"), f"{subjects.inbox_prefix(service)}.a.b"]
    found += [subjects.fact(kind, 0) for kind in FACT_KINDS]
    found += ["ev.admin.x", "ledger.0", "tlog", subjects.dead_letter("custody"), "_INBOX.a.b", "nowhere"]
    for bucket in BUCKETS:
        found += [f"$KV.{bucket}.key", f"$JS.API.DIRECT.GET.KV_{bucket}.$KV.{bucket}.key"]
    for stream in STREAM_NAMES:
        found += [f"$JS.API.STREAM.{verb}.{stream}" for verb in ("INFO", "CREATE", "UPDATE", "DELETE", "PURGE")]
        found += [f"$JS.API.STREAM.MSG.{verb}.{stream}" for verb in ("GET", "DELETE")]
        found += [f"$JS.API.CONSUMER.{verb}.{stream}.c" for verb in ("CREATE", "INFO", "DELETE", "MSG.NEXT")]
        found += [f"$JS.API.CONSUMER.DURABLE.CREATE.{stream}.c", f"$JS.ACK.{stream}.c.1.1.1.1.0"]
    return [*found, "$JS.API.INFO", "$JS.API.STREAM.NAMES", "$SYS.REQ.SERVER.PING", "$JS.EVENT.ADVISORY.API"]


CATALOGUE = catalogue()
# Wider than anything that is granted: who gets one of these reads the others' mail.
TOO_WIDE = (">", "ni.>", "ni.reply.>", "ni.*.*.*.*", "_INBOX_worker.>", "ev.>", "$KV.>", "$JS.>", "$SYS.>", "*", "*.>")


def granted(lists: Iterable[str], subject: str) -> bool:
    return any(matches(pattern, subject) for pattern in lists)


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with locked_broker(tmp_path_factory.mktemp("locked")) as broker:
        yield broker


def seed_of(broker: Broker, service: str) -> bytes:
    return keyring.seed_file(broker.folder / "secrets", service).read_bytes()


@pytest.fixture
async def wires(locked: Broker) -> AsyncIterator[dict[str, Wire]]:
    opened = {service: await Wire.open(locked.port, seed_of(locked, service)) for service in SERVICES}
    yield opened
    for wire in opened.values():
        await wire.close()


async def test_the_full_matrix_what_is_granted_arrives_and_all_else_is_refused(wires: dict[str, Wire]) -> None:
    for wire in wires.values():
        for subject in CATALOGUE:
            wire.subscribe(subject)
        await wire.sync()
    for service, wire in wires.items():
        for subject in CATALOGUE:
            wire.publish(subject, service.encode())  # never what the JetStream API would act on
        await wire.sync()
    for service, wire in wires.items():
        await wire.sync()
        lists = permissions(service)
        want = {("subscription", s) for s in CATALOGUE if not granted(lists.subscribe, s)}
        want |= {("publish", s) for s in CATALOGUE if not granted(lists.publish, s)}
        assert wire.refused == want, service
        # Messages of the street itself; a server's own (its answers, its advisories) are not told here.
        heard = {(s, d.decode()) for s, d in wire.messages if d.decode("utf-8", "replace") in SERVICES}
        assert heard == {
            (s, sender)
            for s in CATALOGUE
            if granted(lists.subscribe, s)
            for sender in SERVICES
            if granted(permissions(sender).publish, s)
        }, service


async def test_nobody_may_listen_wider_than_its_lists(wires: dict[str, Wire]) -> None:
    for service, wire in wires.items():
        allowed = set(permissions(service).subscribe)
        for subject in TOO_WIDE:
            wire.subscribe(subject)
        await wire.sync()
        assert wire.refused == {("subscription", s) for s in TOO_WIDE if s not in allowed}, service


async def test_nobody_without_a_key_and_nobody_with_another_gets_in(locked: Broker, tmp_path: Path) -> None:
    keyring.fill_seeds(tmp_path, ["stranger"])
    for seed in (None, keyring.seed_file(tmp_path, "stranger").read_bytes()):
        wire = await Wire.open(locked.port, seed)
        assert "Authorization Violation" in wire.ended
        await wire.close()


async def test_a_message_over_max_payload_ends_the_connection_of_who_sent_it(locked: Broker) -> None:
    wire = await Wire.open(locked.port, seed_of(locked, "ingress"))
    wire.publish(subjects.beat("ingress"), bytes(1_000_000))
    await wire.sync()
    assert not wire.ended
    wire.publish(subjects.beat("ingress"), bytes((1 << 20) + 1))
    await wire.sync()
    assert wire.ended
    await wire.close()


async def test_a_query_is_answered_on_the_askers_inbox_by_who_may_answer(wires: dict[str, Wire]) -> None:
    asker, answerer = wires["ingress"], wires["custody"]
    answerer.subscribe("ni.query.custody.*")
    asker.subscribe(f"{subjects.inbox_prefix('ingress')}.>")
    await asyncio.gather(answerer.sync(), asker.sync())
    inbox = f"{subjects.inbox_prefix('ingress')}.1"
    asker.writer.write(f"PUB ni.query.custody.look_up {inbox} 1\r\n?\r\n".encode())
    await asker.sync()
    await answerer.sync()
    answerer.publish(inbox, b"first")
    answerer.publish(inbox, b"second")
    await answerer.sync()
    await asker.sync()
    assert [data for _, data in asker.messages] == [b"first"]
    assert answerer.refused == {("publish", inbox)}  # one answer a question


@pytest.mark.parametrize(
    ("subject", "senders"),
    [
        (subjects.fact("egress", 0), {"worker", "operator"}),  # which puts dead letters back
        (subjects.fact("finished", 0), {"worker", "custody", "operator"}),
        (subjects.fact("delivered", 0), {"ingress", "operator"}),
        (subjects.ROUTE, {"ingress", "pii"}),
        (subjects.work("openai"), {"router", "worker"}),
        (subjects.reply("ingress", REPLICA, LAST), {"pii", "router", "worker"}),
        (subjects.nak("ingress", REPLICA, LAST), set()),  # the server alone
        ("$KV.keys.any", {"accounts", "operator"}),
        ("$KV.byok.any", {"accounts", "operator"}),
        ("$JS.API.STREAM.DELETE.EVENTS", {"operator"}),
        ("$JS.API.STREAM.PURGE.KV_keys", {"operator"}),
    ],
)
def test_who_may_say_what_matters_most(subject: str, senders: set[str]) -> None:
    """Written down a second time, by hand: a grant that grows by accident is seen here."""
    assert {service for service in SERVICES if granted(permissions(service).publish, subject)} == senders


@pytest.mark.parametrize(
    ("subject", "listeners"),
    [
        (subjects.ROUTE, {"router"}),
        (subjects.work("openai"), {"worker"}),
        (subjects.reply("ingress", REPLICA, LAST), {"ingress"}),
        (subjects.reply("pii", REPLICA, LAST), {"pii"}),
        (subjects.body("ingress", REPLICA, LAST), {"ingress"}),
        (subjects.ctl("worker", REPLICA, LAST), {"worker"}),
        ("_INBOX_worker.x", {"worker"}),
        (subjects.fact("egress", 0), set()),  # facts are read from the stream, by who may
    ],
)
def test_who_may_hear_what_matters_most(subject: str, listeners: set[str]) -> None:
    assert {service for service in SERVICES if granted(permissions(service).subscribe, subject)} == listeners


def test_every_service_but_the_operator_has_a_grant() -> None:
    assert {*GRANTS, "operator"} == set(SERVICES)
