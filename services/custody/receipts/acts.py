"""What can be done to records: erasing one, legal holds, retention; each stated as a fact first, then made to count."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from google.protobuf.message import DecodeError

from libs.bus.base import Bus
from libs.contracts.errors import (
    BusUnavailable,
    InvalidRequest,
    LegalHold,
    NorthernError,
    NotFound,
    NotPermitted,
    Overloaded,
    RecordUnavailable,
)
from libs.contracts.failures import to_query_failure
from libs.contracts.ids import REQUEST_ID
from libs.contracts.northern.v1.facts_pb2 import FactBatch
from libs.contracts.northern.v1.query_pb2 import CustodyAct, CustodyTold
from libs.contracts.subjects import fact as fact_subject
from libs.contracts.subjects import shard_of
from services.custody.receipts.erasures import ErasureTable, Rule, Verb, act_of
from services.custody.receipts.table import Gone, unix_ms
from services.custody.times import rfc3339

_EVERY_S: Final = 0.05
_SEEN_S: Final = 3.0
_PLATFORM: Final = "platform_admin"
_LONGEST: Final = 200  # characters of a reason
_MOST_DAYS: Final = 36_500
_PAGE: Final = 500  # holds of an answer, each of a kilobyte at most: the broker takes 1 MiB

Told = Mapping[str, Any]
Known = Callable[[str, str], Awaitable[dict[str, Any] | None]]


@dataclass(frozen=True, kw_only=True)
class Desk:
    """CustodyAct in, CustodyTold out. Who may is decided before it comes here. `known` looks a record up."""

    bus: Bus
    erasures: ErasureTable
    known: Known
    missing: Callable[[str, str], Awaitable[NorthernError]]  # what is said where nothing is known
    now_ms: Callable[[], int]
    random_token: Callable[[], str] = lambda: secrets.token_hex(12)
    seen_s: float = _SEEN_S

    def verbs(self) -> Mapping[str, Callable[[bytes], Awaitable[bytes]]]:
        """What is answered, by the verb of its subject."""
        return {
            "erase": self._answering(self.erase),
            "holds": self._answering(self.holds),
            "hold_put": self._answering(self.hold_put),
            "hold_delete": self._answering(self.hold_delete),
            "retention_get": self._answering(self.retention_get),
            "retention_put": self._answering(self.retention_put),
        }

    async def erase(self, act: CustodyAct) -> Told:
        """Erased for every reader when this returns, and on record. Raises NotFound, RecordUnavailable, LegalHold."""
        found = await self._found(act)
        if found["status"] == "pending":
            sentence = (
                "the record is not sealed yet, and what is not sealed cannot be erased; ask again in some seconds"
            )
            raise RecordUnavailable(sentence, retry_after_ms=2_000)
        if found["status"] != Gone.ERASED:
            await self._unheld(act)
            await self._stated(Verb.ERASE, act, f"erase:{act.tenant}:{act.request_id}")
            found = await self._erased(act)
        return {
            "object": "custody.erasure",
            "request_id": act.request_id,
            "status": Gone.ERASED.value,
            "erased_at": found["erased_at"],
            "erased_by": found["erased_by"],
        }

    async def hold_put(self, act: CustodyAct) -> Told:
        """The hold as it stands. Raises NotFound where the account has no such request."""
        _named(act)
        if act.request_id:
            await self._found(act)
        if len(act.reason) > _LONGEST or not act.reason.isprintable():
            raise InvalidRequest(f"`reason` has at most {_LONGEST} characters, all of them readable", param="reason")
        await self._stated(Verb.HOLD, act, f"hold:{self.random_token()}")
        held: Rule = await self._seen(
            lambda: self._hold(act), lambda rule: rule is not None and rule.reason == act.reason
        )
        return _hold(held)

    async def hold_delete(self, act: CustodyAct) -> Told:
        """Raises NotFound where there is none, NotPermitted where it is not theirs to lift."""
        _named(act)
        held = await self._hold(act)
        if held is None:
            raise NotFound("there is no such legal hold; GET /api/admin/custody/holds lists them")
        if held.standing == _PLATFORM and act.standing != _PLATFORM:
            raise NotPermitted("whoever runs the deployment has put this hold, and lifts it")
        await self._stated(Verb.LIFT, act, f"hold:{self.random_token()}")
        await self._seen(lambda: self._hold(act), lambda rule: rule is None)
        return _hold(held) | {"lifted": True}

    async def holds(self, act: CustodyAct) -> Told:
        """A page of them, in the order of their requests; one that goes on names the last request of the one before."""
        found = await self.erasures.holds(act.tenant)
        rest = [rule for rule in found if rule.target > act.request_id] if act.request_id else found
        following = rest[_PAGE - 1].target if len(rest) > _PAGE else None
        return {"object": "list", "data": [_hold(rule) for rule in rest[:_PAGE]], "next": following}

    async def retention_get(self, act: CustodyAct) -> Told:
        return _retention(act.tenant, await self.erasures.retention(act.tenant))

    async def retention_put(self, act: CustodyAct) -> Told:
        """How long records are kept from now on; what is older goes within hours."""
        if act.days > _MOST_DAYS:
            raise InvalidRequest(f"`days` is at most {_MOST_DAYS}; null keeps records for ever", param="days")
        await self._stated(Verb.RETAIN, act, f"retain:{self.random_token()}")
        rule = await self._seen(
            lambda: self.erasures.retention(act.tenant), lambda found: found is not None and found.value == act.days
        )
        return _retention(act.tenant, rule)

    async def _found(self, act: CustodyAct) -> dict[str, Any]:
        """The record as it stands. Raises NotFound, and RecordUnavailable while it may yet come."""
        found = await self.known(act.tenant, act.request_id) if REQUEST_ID.fullmatch(act.request_id) else None
        if found is None:
            raise await self.missing(act.tenant, act.request_id)
        return found

    async def _unheld(self, act: CustodyAct) -> None:
        for rule in await self.erasures.holds(act.tenant):
            if rule.target in ("", act.request_id):
                what = "this record" if rule.target else "the account's records"
                raise LegalHold(f"there is a legal hold on {what}; it has to be lifted before anything is erased")

    async def _hold(self, act: CustodyAct) -> Rule | None:
        found = await self.erasures.holds(act.tenant)
        return next((rule for rule in found if rule.target == act.request_id), None)

    async def _erased(self, act: CustodyAct) -> dict[str, Any]:
        found: dict[str, Any] = await self._seen(
            lambda: self.known(act.tenant, act.request_id),
            lambda said: said is not None and said["status"] == Gone.ERASED,
        )
        return found

    async def _stated(self, verb: Verb, act: CustodyAct, act_id: str) -> None:
        """On record, once, when this returns."""
        fact = act_of(verb, act, act_id, self.now_ms())
        subject = fact_subject("admin", shard_of(act.tenant))
        try:
            await self.bus.append(subject, FactBatch(facts=[fact]).SerializeToString(), msg_id=act_id)
        except (BusUnavailable, Overloaded):
            sentence = "this cannot be put on record right now, so nothing was done; try again in a moment"
            raise RecordUnavailable(sentence, retry_after_ms=1_000) from None

    async def _seen(self, look: Callable[[], Awaitable[Any]], so: Callable[[Any], bool]) -> Any:
        """What `look` gives once it is `so`: the fact has been read."""
        for _ in range(max(1, round(self.seen_s / _EVERY_S))):
            found = await look()
            if so(found):
                return found
            await asyncio.sleep(_EVERY_S)
        sentence = "this is on record, and will hold within moments; look again, or send it again, it is done but once"
        raise RecordUnavailable(sentence, retry_after_ms=2_000)

    def _answering(self, do: Callable[[CustodyAct], Awaitable[Told]]) -> Callable[[bytes], Awaitable[bytes]]:
        async def respond(data: bytes) -> bytes:
            try:
                told = await do(CustodyAct.FromString(data))
            except DecodeError:
                error: NorthernError = InvalidRequest("the question cannot be read")
            except NorthernError as refused:
                error = refused
            else:
                return CustodyTold(json=orjson.dumps(told)).SerializeToString()
            return CustodyTold(failure=to_query_failure(error)).SerializeToString()

        return respond


def _named(act: CustodyAct) -> None:
    if act.request_id and not REQUEST_ID.fullmatch(act.request_id):
        raise InvalidRequest("`request_id` has 16 hex digits, as in x-ni-request-id", param="request_id")


def _hold(rule: Rule) -> dict[str, Any]:
    return {
        "object": "custody.hold",
        "tenant": rule.tenant,
        "request_id": rule.target or None,
        "reason": rule.reason or None,
        "put_at": rfc3339(unix_ms(rule.at)),
        "put_by": rule.actor,
        "standing": rule.standing,
    }


def _retention(tenant: str, rule: Rule | None) -> Told:
    return {
        "object": "custody.retention",
        "tenant": tenant,
        "days": (rule.value or None) if rule else None,
        "set_at": rfc3339(unix_ms(rule.at)) if rule else None,
        "set_by": rule.actor if rule else None,
    }
