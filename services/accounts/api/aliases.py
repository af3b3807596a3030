"""An account's own names of models over the API, and which list of routes it was last shown for a name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from google.protobuf.message import DecodeError

from libs.auth.records import AliasesRecord, ShownList, ShownRecord, shown_key
from libs.bus.base import Conflict
from libs.contracts.errors import InvalidRequest, NorthernError, NotFound, Overloaded
from libs.contracts.failures import to_query_failure
from libs.contracts.northern.v1.account_pb2 import AccountAsk, AccountTold
from services.accounts.api.asking import Asker, Desk
from services.accounts.bodies.aliases import MOST, check_name, read_alias
from services.accounts.held import Held

_SHOWN_MS: Final = 3_600_000  # how long a number still answers a list
_SHOWN_MOST: Final = 64  # names at once, of one account

R = TypeVar("R", AliasesRecord, ShownRecord)


@dataclass(frozen=True, kw_only=True)
class Aliases:
    """The handlers of /api/aliases. The bucket is read where it lies: a name is good as soon as it is written."""

    desk: Desk

    async def list(self, asker: Asker, _: AccountAsk) -> Mapping[str, Any]:
        known = await self._known(asker)
        return {"object": "list", "data": [_shown(name, known[name]) for name in sorted(known)], "next": None}

    async def get(self, asker: Asker, ask: AccountAsk) -> Mapping[str, Any]:
        known = await self._known(asker)
        if ask.id not in known:
            raise NotFound("There is no alias of that name. PUT one, or list them.")
        return _shown(ask.id, known[ask.id])

    async def put(self, asker: Asker, ask: AccountAsk) -> Mapping[str, Any]:
        """What the name means from now on, whatever it meant before."""
        name, route = check_name(ask.id), read_alias(ask.body, self.desk.live.current)

        def decide(held: AliasesRecord) -> AliasesRecord:
            if name not in held.aliases and len(held.aliases) >= MOST:
                raise InvalidRequest(f"This account has {MOST} aliases, which is as many as there may be. Delete one.")
            return held.model_copy(update={"aliases": {**held.aliases, name: route}})

        tenant = asker.tenant.id
        await _changed(self.desk.aliases, tenant, AliasesRecord(tenant=tenant), decide)
        await self._forget(tenant, name)
        return _shown(name, route)

    async def delete(self, asker: Asker, ask: AccountAsk) -> Mapping[str, Any]:
        def decide(held: AliasesRecord) -> AliasesRecord:
            if ask.id not in held.aliases:
                raise NotFound("There is no alias of that name. List them.")
            return held.model_copy(update={"aliases": {n: r for n, r in held.aliases.items() if n != ask.id}})

        tenant = asker.tenant.id
        await _changed(self.desk.aliases, tenant, AliasesRecord(tenant=tenant), decide)
        return {"object": "alias", "name": ask.id, "deleted": True}

    async def shown(self, data: bytes) -> bytes:
        """AccountAsk in, AccountTold out: the edge shows a list, whose digest is `body`, for the name `id`."""
        try:
            ask = AccountAsk.FromString(data)
            await self._show(ask.actor.tenant, check_name(ask.id), ask.body.decode("ascii", "replace"))
        except DecodeError:
            return AccountTold(failure=to_query_failure(InvalidRequest("This is no AccountAsk."))).SerializeToString()
        except NorthernError as error:
            return AccountTold(failure=to_query_failure(error)).SerializeToString()
        return AccountTold(json=b"{}").SerializeToString()

    async def _show(self, tenant: str, name: str, digest: str) -> None:
        if self.desk.tenants.get(tenant) is None:
            raise NotFound("There is no such account.")
        now_ms = round(self.desk.now().timestamp() * 1000)

        def decide(held: ShownRecord) -> ShownRecord:
            known = sorted(
                ((n, one) for n, one in held.lists.items() if n != name and one.at_ms > now_ms - _SHOWN_MS),
                key=lambda each: each[1].at_ms,
            )
            kept = dict(known[1 - _SHOWN_MOST :])
            return held.model_copy(update={"lists": {**kept, name: ShownList(digest=digest[:64], at_ms=now_ms)}})

        await _changed(self.desk.shown, shown_key(tenant), ShownRecord(tenant=tenant), decide)

    async def _forget(self, tenant: str, name: str) -> None:
        """The list was answered: another number is no reply to it."""
        try:
            await self.desk.shown.change(
                shown_key(tenant),
                lambda held: held.model_copy(update={"lists": {n: one for n, one in held.lists.items() if n != name}}),
            )
        except NotFound:
            return

    async def _known(self, asker: Asker) -> Mapping[str, str]:
        try:
            return (await self.desk.aliases.read(asker.tenant.id))[0].aliases
        except NotFound:
            return {}


async def _changed(held: Held[R], place: str, empty: R, decide: Callable[[R], R]) -> None:
    """As `change`, where there may be nothing yet. Raises what `decide` raises, and Overloaded."""
    for _ in range(8):
        try:
            await held.read(place)
        except NotFound:
            try:
                await held.create(place, decide(empty))
            except Conflict:
                continue
        else:
            await held.change(place, decide)
        return
    raise Overloaded("Others are changing the same thing. Try again.", retry_after_ms=200)


def _shown(name: str, route: str) -> dict[str, Any]:
    return {"object": "alias", "name": name, "route": route}
