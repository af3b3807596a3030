"""The real adapter: the only file that speaks to nats-py. Its exceptions are translated here and never leave."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nats
import nats.errors
import nkeys
import orjson
from nats.aio.client import Client
from nats.aio.subscription import Subscription as NatsSubscription

from libs.bus.base import Bus, Conflict, Entry, Handler, Held, Message, Stored
from libs.bus.direct import Arrived, DirectClient, Take
from libs.bus.reader import REMOVED, Inbox, Reader
from libs.contracts.errors import BusUnavailable, Overloaded
from libs.contracts.subjects import inbox_prefix, random_token
from libs.runtime.settings import Settings, refuse
from libs.telemetry.log import logger

_CONNECT_S = 15.0  # a street that starts together: the broker may be a moment late
_DRAIN_S = 5.0  # for what a stopped subscription was already given
_WRONG_LAST_SEQUENCE = 10071
_STORE_FAILED = 10077  # most often: max_bytes reached, and full means refuse
_NOT_FOUND, _NO_RESPONDERS = "404", "503"
_NO_MESSAGE = 10037
_REFUSED = "Authorization Violation"  # the broker's word to a key that it does not know, or to none


@asynccontextmanager
async def connect(service: str, settings: Settings) -> AsyncIterator[Bus]:
    """A connection for one service, with its own nkey and inbox. BusUnavailable when no broker lets it in within 15 s.

    A seed file or an address that is none ends the process with exit code 78.
    """
    seed = None if settings.nats_seed_file is None else _seed(settings.nats_seed_file)
    client = DirectClient()
    bus = NatsBus(client)
    try:
        async with asyncio.timeout(_CONNECT_S):
            await client.connect(  # tries again by itself, for ever
                servers=[settings.nats_url],
                name=service,
                nkeys_seed_str=seed,  # read once: what becomes of the file is nothing to a connection made anew
                inbox_prefix=inbox_prefix(service),
                connect_timeout=2,
                reconnect_time_wait=0.1,  # seconds; one would be too long
                max_reconnect_attempts=-1,
                ping_interval=5,
                max_outstanding_pings=2,
                skip_subject_validation=True,  # subjects come from the catalogue, never from user text
                error_cb=bus.on_error,
                reconnected_cb=bus.on_reconnected,
            )
    except (OSError, TimeoutError) as error:
        await _close(client)
        raise BusUnavailable(_not_let_in(settings, client.last_error)) from error
    except nats.errors.Error:  # before anything was tried
        refuse("NI_NATS_URL: must be an address such as nats://127.0.0.1:4222")
    try:
        yield bus
    finally:
        await _close(client)


def _seed(file: Path) -> str:
    name = "NI_NATS_SEED_FILE"
    try:
        seed = file.read_text().strip()
        nkeys.from_seed(seed.encode())
    except OSError as error:
        refuse(f"{name}: {file} cannot be read ({error.strerror}); name this service's seed file, or give rights to it")
    except (nkeys.NkeysError, ValueError):  # its text may quote the seed
        refuse(f"{name}: {file} holds no nkey seed; name the file that was made for this service")
    return seed


def _not_let_in(settings: Settings, error: Exception | None) -> str:
    where = settings.nats_url.rpartition("@")[2]  # without a password
    if _REFUSED not in str(error):
        return f"no broker answers at {where}"
    if settings.nats_seed_file is None:
        return f"the broker at {where} lets nobody in without a key; name its file in NI_NATS_SEED_FILE"
    return (
        f"the broker at {where} does not know the key in {settings.nats_seed_file}; "
        "name another in NI_NATS_SEED_FILE, or enter this one in the broker's list of users and reload it"
    )


async def _close(client: Client) -> None:
    for ending in (client.flush, client.close):
        try:
            await asyncio.wait_for(ending(), 2)
        except (nats.errors.Error, OSError, TimeoutError):
            pass  # what cannot be sent now was never promised


class NatsBus:
    """libs.bus.base.Bus over one nats-py connection."""

    def __init__(self, client: DirectClient) -> None:
        self._nc = client
        self._connects = 1
        self._inboxes: set[Inbox] = set()
        self._complained: set[str] = set()  # of what went wrong since the connection was last made

    @property
    def connected(self) -> bool:
        return self._nc.is_connected

    @property
    def connects(self) -> int:
        return self._connects

    async def on_reconnected(self) -> None:
        self._connects += 1
        self._complained.clear()
        for inbox in self._inboxes:
            inbox.put(None)  # readers of the old connection need not wait to find out
        logger().info("bus_reconnected", count=self._connects)

    async def on_error(self, error: Exception) -> None:
        # A refused subject shows up here and, to the caller, as a time-out. A broker that is away is tried ten times a
        # second: said once.
        kind = type(error).__name__
        if not self._nc.is_connected and kind in self._complained:
            return
        self._complained.add(kind)
        logger().warning("bus_error", error_type=kind, reason=str(error)[:200])

    async def publish(self, subject: str, data: bytes, reply: str = "") -> None:
        self._up()
        try:
            await self._nc.publish(subject, data, reply)
        except nats.errors.Error as error:
            raise BusUnavailable(f"the broker did not take a message ({type(error).__name__})") from error

    async def subscribe(self, subject: str, handler: Handler, queue: str = "") -> "_Subscription":
        self._up()
        sub = await self._nc.subscribe_direct(subject, queue, _told(handler))
        try:
            await self._nc.flush(2)  # the broker has it: whoever is told that we listen may ask at once
        except BaseException as error:  # whoever is cancelled here has nothing to stop it by
            self._nc.forget(sub)
            if isinstance(error, (nats.errors.Error, TimeoutError, OSError)):
                raise BusUnavailable("the broker did not take a subscription in time") from error
            raise
        return _Subscription(sub, self._nc)

    async def request(self, subject: str, data: bytes, timeout_s: float) -> bytes:
        return (await self._request(subject, data, timeout_s)).data

    async def append(
        self,
        subject: str,
        data: bytes,
        *,
        msg_id: str = "",
        expected: int | None = None,
        timeout_s: float = 5.0,
    ) -> int:
        headers = {}
        if msg_id:
            headers["Nats-Msg-Id"] = msg_id
        if expected is not None:
            headers["Nats-Expected-Last-Subject-Sequence"] = str(expected)
        return await self._append(subject, data, headers, timeout_s)

    async def follow(
        self, stream: str, *, after: int = 0, latest: bool = False, gather_s: float = 0.0
    ) -> AsyncIterator[list[Stored]]:
        name = f"f{random_token()}"
        policy: dict[str, Any] = {"deliver_policy": "by_start_sequence", "opt_start_seq": after + 1}
        if latest:
            policy = {"deliver_policy": "last_per_subject", "filter_subject": ">"}
            if after:
                raise ValueError("`latest` begins at the beginning")
        config = {"name": name, "ack_policy": "none", "mem_storage": True, "num_replicas": 1, **policy}
        config["inactive_threshold"] = int(30e9)
        await self._api(
            f"CONSUMER.CREATE.{stream}.{name}" + (".>" if latest else ""),
            {"stream_name": stream, "config": config},
        )
        reader = Reader(self, stream, name, gather_s)
        async for batch in reader.batches():
            yield batch

    async def last_seq(self, stream: str, timeout_s: float = 2.0) -> int:
        return (await self.held(stream, timeout_s)).last

    async def held(self, stream: str, timeout_s: float = 2.0) -> Held:
        state = (await self._api(f"STREAM.INFO.{stream}", None, timeout_s))["state"]
        return Held(int(state["first_seq"]), int(state["last_seq"]), int(state["bytes"]))

    async def drop(self, stream: str, *, before: int, timeout_s: float = 5.0) -> None:
        await self._api(f"STREAM.PURGE.{stream}", {"seq": before}, timeout_s)

    async def last(self, stream: str, subject: str, timeout_s: float = 2.0) -> Stored | None:
        ask = orjson.dumps({"last_by_subj": subject})
        answer = orjson.loads((await self._request(f"$JS.API.STREAM.MSG.GET.{stream}", ask, timeout_s)).data)
        if answer.get("error", {}).get("err_code") == _NO_MESSAGE:
            return None
        if "error" in answer:
            raise BusUnavailable(f"the broker refused STREAM.MSG.GET ({answer['error'].get('err_code')})")
        found = answer["message"]
        return Stored(found["subject"], found["seq"], base64.b64decode(found.get("data", "")))

    async def get(self, bucket: str, key: str) -> Entry | None:
        msg = await self._request(f"$JS.API.DIRECT.GET.KV_{bucket}.$KV.{bucket}.{key}", b"", 2.0)
        if msg.status == _NOT_FOUND or msg.header("KV-Operation") in REMOVED:
            return None
        return Entry(key, msg.data, int(msg.header("Nats-Sequence")))

    async def put(self, bucket: str, key: str, value: bytes, *, revision: int | None = None) -> int:
        if revision == 0:
            return await self._create(bucket, key, value)
        return await self.append(f"$KV.{bucket}.{key}", value, expected=revision)

    async def delete(self, bucket: str, key: str, *, revision: int | None = None) -> None:
        headers = {"KV-Operation": "DEL"}
        if revision is not None:
            headers["Nats-Expected-Last-Subject-Sequence"] = str(revision)
        await self._append(f"$KV.{bucket}.{key}", b"", headers, 5.0)

    async def _create(self, bucket: str, key: str, value: bytes) -> int:
        """Put only where nothing stands: never put, or deleted (then the marker's sequence is what must be last)."""
        subject = f"$KV.{bucket}.{key}"
        try:
            return await self.append(subject, value, expected=0)
        except Conflict:
            msg = await self._request(f"$JS.API.DIRECT.GET.KV_{bucket}.{subject}", b"", 2.0)
            if msg.header("KV-Operation") not in REMOVED:
                raise
            return await self.append(subject, value, expected=int(msg.header("Nats-Sequence")))

    async def _append(self, subject: str, data: bytes, headers: dict[str, str], timeout_s: float) -> int:
        msg = await self._request(subject, data, timeout_s, headers or None)
        ack = orjson.loads(msg.data)
        error = ack.get("error")
        if error is None:
            return int(ack["seq"])
        if error.get("err_code") == _WRONG_LAST_SEQUENCE:
            raise Conflict(subject)
        if error.get("err_code") == _STORE_FAILED:
            logger().error("stream_full", subject=subject)  # docs/runbooks/stream-full.md
        raise BusUnavailable(f"the broker refused to store a message ({error.get('err_code')})")

    async def _api(self, verb: str, body: dict[str, Any] | None, timeout_s: float = 5.0) -> dict[str, Any]:
        msg = await self._request(f"$JS.API.{verb}", orjson.dumps(body) if body else b"", timeout_s)
        answer: dict[str, Any] = orjson.loads(msg.data)
        if "error" in answer:
            raise BusUnavailable(f"the broker refused {verb.partition('.')[0]} ({answer['error'].get('err_code')})")
        return answer

    async def _request(
        self, subject: str, data: bytes, timeout_s: float, headers: dict[str, str] | None = None
    ) -> Arrived:
        self._up()
        try:
            answer = await self._nc.ask(subject, data, timeout_s, headers)
        except (nats.errors.Error, TimeoutError, OSError) as error:
            raise BusUnavailable(f"the broker did not answer in time ({type(error).__name__})") from error
        if answer.status == _NO_RESPONDERS:
            raise Overloaded("nobody answers there right now; try again in a moment", retry_after_ms=1000)
        return answer

    def _up(self) -> None:
        if not self._nc.is_connected:  # nats-py would keep what it is given in memory and perhaps lose it
            raise BusUnavailable("the broker is not connected")

    @asynccontextmanager
    async def inbox(self) -> AsyncIterator[tuple[str, Inbox]]:
        """A private subject and its messages as they are, headers and all."""
        inbox = Inbox()
        subject = self._nc.new_inbox()
        sub = await self._nc.subscribe_direct(subject, "", inbox.put)
        self._inboxes.add(inbox)
        try:
            yield subject, inbox
        finally:
            self._inboxes.discard(inbox)
            self._nc.forget(sub)


def _told(handler: Handler) -> Take:
    def take(arrived: Arrived) -> Awaitable[None] | None:
        subject, data, reply, headers = arrived
        return handler(Message(subject, data, reply, bool(headers) and arrived.status == _NO_RESPONDERS))

    return take


class _Subscription:
    def __init__(self, sub: NatsSubscription, client: DirectClient) -> None:
        self._sub, self._client = sub, client

    async def stop(self) -> None:
        try:
            if self._client.is_connected:
                await asyncio.wait_for(self._sub.drain(), _DRAIN_S)  # type: ignore[no-untyped-call]  # theirs
        except (nats.errors.Error, TimeoutError, OSError):
            pass  # the connection went meanwhile, or a handler takes its time
        finally:
            self._client.forget(self._sub)
