"""Accounts over the API: opened with a first key, changed, deactivated; for whoever runs the deployment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from libs.auth.keys import GATEWAY, digest, last4, mint
from libs.auth.records import ALERT_THRESHOLDS, AlertWebhook, KeyRecord, TenantRecord, TenantStatus, new_id
from libs.auth.webhooks import signing_secret
from libs.contracts.errors import InvalidRequest, NotFound, RouteUnavailable
from libs.contracts.northern.v1.account_pb2 import AccountAsk
from services.accounts.api import shown
from services.accounts.api.asking import Asker, Desk
from services.accounts.bodies.accounts import TenantBody, TenantChange
from services.accounts.bodies.keys import TIERS
from services.accounts.bodies.reading import read


@dataclass(frozen=True, kw_only=True)
class Tenants:
    """The handlers of /api/admin/tenants."""

    desk: Desk

    async def list(self, _: Asker, ask: AccountAsk) -> Mapping[str, Any]:
        return shown.page(self.desk.tenants.everything().values(), shown.tenant, ask.cursor, ask.limit)

    async def get(self, _: Asker, ask: AccountAsk) -> Mapping[str, Any]:
        return shown.tenant(self._known(ask.id))

    async def create(self, asker: Asker, ask: AccountAsk) -> Mapping[str, Any]:
        """The account and its first key, shown once. Its balance is zero until somebody credits it."""
        desk = self.desk
        body = read(TenantBody, ask.body, desk.context)
        blank = TenantRecord(
            id=new_id("t", desk.random_bytes), name=body.name, currency=body.currency, created=desk.now()
        )
        tenant = self._changed(blank, body)
        secret = mint(GATEWAY, desk.random_bytes)
        key = KeyRecord(
            id=new_id("k", desk.random_bytes),
            tenant=tenant.id,
            name="First key",
            digest=digest(desk.pepper, secret),
            prefix=GATEWAY,
            last4=last4(secret),
            allowed_tiers=TIERS,
            created_by=asker.name,
            created=desk.now(),
        )
        # The key first: without its account it opens nothing, and an account without its key could not be used.
        await desk.keys.create(key.digest, key)
        await desk.tenants.create(tenant.id, tenant)
        return {**shown.tenant(tenant), "api_key": secret, **self._webhook_secret(tenant, body)}

    async def change(self, asker: Asker, ask: AccountAsk) -> Mapping[str, Any]:
        """Deactivated: every key and session of the account is refused, at once."""
        body = read(TenantChange, ask.body, self.desk.context)
        known = self._known(ask.id)
        if known.id == asker.tenant.id and body.given("status") and body.status != TenantStatus.ACTIVE:
            raise InvalidRequest("`status`: your own account cannot be deactivated by yourself", param="status")
        tenant = await self.desk.tenants.change(known.id, lambda held: self._changed(held, body))
        return {**shown.tenant(tenant), **self._webhook_secret(tenant, body)}

    def _known(self, tenant_id: str) -> TenantRecord:
        found = self.desk.tenants.get(tenant_id)
        if found is None:
            raise NotFound("There is no such account. GET /api/admin/tenants lists them.")
        return found

    def _changed(self, tenant: TenantRecord, body: TenantChange) -> TenantRecord:
        changes: dict[str, Any] = {
            name: getattr(body, name) for name in body.model_fields_set - {"alert_webhook", "currency"}
        }
        for name in ("residency", "allowed_tiers"):
            if name in changes:
                changes[name] = tuple(changes[name] or ())
        if "alert_thresholds" in changes:
            changes["alert_thresholds"] = tuple(changes["alert_thresholds"] or ALERT_THRESHOLDS)
        if "status" in changes:
            changes["status"] = TenantStatus(changes["status"])
        if body.given("alert_webhook"):
            changes["alert_webhook"] = self._webhook(tenant, body)
        return tenant.model_copy(update=changes)

    def _webhook(self, tenant: TenantRecord, body: TenantChange) -> AlertWebhook | None:
        if body.alert_webhook is None:
            return None
        if self.desk.alerts_key is None:
            raise RouteUnavailable("Alerts are not set up here: the operator has to set NI_ALERTS_KEY_FILE.")
        before = tenant.alert_webhook
        return AlertWebhook(url=body.alert_webhook.url, version=before.version + 1 if before else self._version())

    def _version(self) -> int:
        # Seconds of now, so that a webhook taken away and set again does not get its old secret back.
        return int(self.desk.now().timestamp())

    def _webhook_secret(self, tenant: TenantRecord, body: TenantChange) -> dict[str, Any]:
        webhook, key = tenant.alert_webhook, self.desk.alerts_key
        if not body.given("alert_webhook") or webhook is None or key is None:
            return {}
        return {"alert_webhook": {"url": webhook.url, "secret": signing_secret(key, tenant.id, webhook.version)}}
