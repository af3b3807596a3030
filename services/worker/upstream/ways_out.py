"""The ways out of one worker: address and credential of each egress, from the environment, decided once at start."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit

from libs.catalog.egress import LOOPBACK, filled, host_of, is_custom, missing
from libs.catalog.model import Egress
from libs.contracts.errors import OwnCredentialMissing, RouteUnavailable
from libs.contracts.northern.v1.street_pb2 import EgressState


@dataclass(frozen=True, kw_only=True)
class WayOut:
    """Where an egress leads here. `reason` says in a sentence why it cannot be used; empty: it can."""

    egress: Egress
    base_url: str
    sandbox: bool = False
    custom: bool = False
    reason: str = ""
    has_credential: bool = False  # also where the sandbox needs none

    @cached_property
    def host(self) -> str:
        """The authority that is dialled."""
        return urlsplit(self.base_url).netloc

    def state(self) -> EgressState:
        return EgressState(
            name=self.egress.name,
            available=not self.reason,
            reason=self.reason,
            sandbox=self.sandbox,
            custom=self.custom,
            has_credential=self.has_credential,
        )


def vendors() -> Mapping[str, str]:
    """The environment as the vendors' own SDKs read it; nothing else of this process looks there."""
    return dict(os.environ)


def find(egress: Egress, environ: Mapping[str, str], sandbox_url: str | None) -> WayOut:
    """The sandbox where it was chosen, else the address of the vendor's own variable or of the catalogue."""
    if sandbox_url:
        base_url = sandbox_url.rstrip("/") + egress.sandbox_path
        return WayOut(egress=egress, base_url=base_url, sandbox=True, has_credential=True)
    given = environ.get(egress.base_url_env, "").strip().rstrip("/")
    base_url = _filled(egress, given) if given else egress.base_url
    lacking = missing(egress, environ) or ""
    reason = lacking
    if not reason and (not base_url or "{" in base_url):
        reason = f"{egress.provider} has no address here: the operator has to set {egress.base_url_env}"
    return WayOut(
        egress=egress,
        base_url=base_url,
        custom=bool(given) and is_custom(egress, base_url),
        reason=reason,
        has_credential=not lacking,
    )


def of_account(way: WayOut, slots: Mapping[str, str]) -> WayOut:
    """The same way out as an account's own credential goes it: slots fill the catalogue's address, nothing else does.

    Where the address has no slots it is the one that is dialled for everybody. Raises OwnCredentialMissing for slots
    that do not fit, RouteUnavailable where the credential would cross a network in the clear.
    """
    egress = way.egress
    region = slots.get("region", egress.region)
    if region != egress.region:
        raise OwnCredentialMissing(
            f"Your account's own credential for {egress.provider} is for the region {region}, and this route is "
            f"entered in {egress.region}. Nothing was sent. PUT one for that region, or name another route."
        )
    try:
        address = filled(egress, slots)
    except ValueError:
        raise OwnCredentialMissing(
            f"Your account's own credential for {egress.provider} does not say all that its address needs; "
            "PUT it again. Nothing was sent."
        ) from None
    custom = way.custom if address is None else is_custom(egress, address)
    base_url = way.base_url if way.sandbox or address is None else address
    if not base_url.startswith("https://") and host_of(base_url) not in LOOPBACK:
        raise RouteUnavailable(
            f"Credentials of accounts are sent over https only: the operator has to correct {egress.base_url_env}."
        )
    return WayOut(egress=egress, base_url=base_url, sandbox=way.sandbox, custom=custom, has_credential=True)


def _filled(egress: Egress, given: str) -> str:
    return given if urlsplit(given).path.strip("/") else given + egress.base_path
