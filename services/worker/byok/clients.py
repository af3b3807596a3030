"""Accounts' own ways out, opened: one for each credential and egress, kept while the credential is the same one."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from libs.auth.envelopes import CannotOpen
from libs.auth.records import ByokRecord, byok_key
from libs.catalog.egress import takes_credential_of
from libs.catalog.model import Egress
from libs.contracts.errors import BusUnavailable, OwnCredentialMissing, OwnCredentialRefused
from libs.telemetry.log import logger
from services.worker.byok.kept import Kept
from services.worker.byok.ring import Ring
from services.worker.providers.base import Provider
from services.worker.upstream.ways_out import WayOut, of_account

_MOST: Final = 512  # credentials with something opened for them: each holds a secret and a token or a signing key
_TRIES: Final = 3

# The client of an egress for a way out, with the credential's slots and secret members.
Make = Callable[[WayOut, Mapping[str, str], Mapping[str, str]], Provider]


@dataclass(frozen=True, kw_only=True)
class Own:
    """Where a request of the account leaves, and what makes it ready."""

    way: WayOut
    provider: Provider
    of: WayOut  # the operator's, which it was made of: another one from the next edit of the catalogue on


@dataclass(frozen=True)
class _Opened:
    version: int
    by_egress: dict[str, Own] = field(default_factory=dict)


class Clients:
    """What is not used for long makes room; what is changed or deleted is dropped the moment we hear of it."""

    def __init__(self, kept: Kept, ring: Ring, make: Make, most: int = _MOST) -> None:
        self._kept, self._ring, self._make, self._most = kept, ring, make, most
        self._opened: OrderedDict[str, _Opened] = OrderedDict()  # by the credential's place
        kept.on_change = self._forget

    def __len__(self) -> int:
        return len(self._opened)

    async def of(self, tenant: str, way: WayOut) -> Own:
        """The account's own of a way out. Raises OwnCredentialMissing, RouteUnavailable, BusUnavailable: never ours."""
        provider = takes_credential_of(way.egress)
        if provider is None:
            raise OwnCredentialMissing(
                f"This key uses your account's own credentials alone, and there are none for {way.egress.provider}. "
                "Nothing was sent. Name a route of another provider, or use a key without `byok`."
            )
        for _ in range(_TRIES):
            record = self._record(tenant, provider, way)
            own = self._held(record, way)
            if own is not None:
                return own
            to = of_account(way, record.slots)  # what does not fit needs no opening
            try:
                secret = await self._ring.opened(record)
            except CannotOpen:
                if self._record(tenant, provider, way) is not record:
                    continue  # wrapped anew meanwhile, and the earlier keys retired
                logger().error("byok_cannot_open", tenant=tenant, target=provider)
                raise OwnCredentialMissing(
                    f"Your account's own credential for {way.egress.provider} cannot be opened here any more: "
                    f"PUT /api/byok/{provider} again. Nothing was sent."
                ) from None
            if self._record(tenant, provider, way).version == record.version:
                own = Own(way=to, provider=self._make(to, record.slots, secret), of=way)
                self._keep(record, way, own)
                return own
        raise BusUnavailable("your account's credential is just being changed; try again", retry_after_ms=500)

    def _record(self, tenant: str, provider: str, way: WayOut) -> ByokRecord:
        record = self._kept.of(tenant, provider)
        if record is None:
            raise OwnCredentialMissing(
                f"This key uses your account's own credentials alone, and none is kept for {way.egress.provider}. "
                f"Nothing was sent. PUT /api/byok/{provider}, or use a key without `byok`."
            )
        return record

    def _held(self, record: ByokRecord, way: WayOut) -> Own | None:
        place = byok_key(record.tenant, record.provider)
        opened = self._opened.get(place)
        if opened is None or opened.version != record.version:
            return None
        self._opened.move_to_end(place)
        own = opened.by_egress.get(way.egress.name)
        return own if own is not None and own.of is way else None

    def _keep(self, record: ByokRecord, way: WayOut, own: Own) -> None:
        place = byok_key(record.tenant, record.provider)
        opened = self._opened.get(place)
        if opened is None or opened.version != record.version:
            opened = self._opened[place] = _Opened(record.version)
        opened.by_egress[way.egress.name] = own
        self._opened.move_to_end(place)
        while len(self._opened) > self._most:
            self._opened.popitem(last=False)

    def _forget(self, place: str) -> None:
        self._opened.pop(place, None)


def refused_own(egress: Egress) -> OwnCredentialRefused:
    """What the caller hears where the provider does not take their credential: never what it said of it."""
    return OwnCredentialRefused(
        f"{egress.provider} refused your account's own credential, or the account behind it has no access or credit "
        "there; ours was not tried. Check it at the provider, then "
        f"PUT /api/byok/{takes_credential_of(egress) or egress.wire.value} again."
    )
