"""Users over the API: invited by a one-time link, changed, deactivated; within one's own account as a rule."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from libs.auth.one_time import INVITE, make
from libs.auth.records import Invite, Role, UserRecord, UserStatus, new_id, user_key
from libs.auth.rights import Standing
from libs.bus.base import Conflict
from libs.contracts.errors import AlreadyExists, InvalidRequest, NotFound
from libs.contracts.northern.v1.account_pb2 import AccountAsk
from services.accounts.api import shown
from services.accounts.api.asking import Asker, Desk
from services.accounts.api.domain import check_may_give, check_may_manage
from services.accounts.bodies.accounts import UserBody, UserChange
from services.accounts.bodies.reading import read

_LINK: Final = timedelta(days=3)


@dataclass(frozen=True, kw_only=True)
class Users:
    """The handlers of /api/admin/users."""

    desk: Desk

    async def list(self, asker: Asker, ask: AccountAsk) -> Mapping[str, Any]:
        await self.desk.users.current()
        return shown.page(self._visible(asker).values(), shown.user, ask.cursor, ask.limit)

    async def get(self, asker: Asker, ask: AccountAsk) -> Mapping[str, Any]:
        return shown.user((await self._known(asker, ask.id))[1])

    async def create(self, asker: Asker, ask: AccountAsk) -> Mapping[str, Any]:
        """An invited user, and the link that lets them set a password."""
        body = read(UserBody, ask.body)
        role = Role(body.role)
        check_may_give(asker.role, role)
        token, invite = self._invite(user_id := new_id("u", self.desk.random_bytes))
        user = UserRecord(
            id=user_id,
            email=body.email,
            name=body.name,
            role=role,
            tenant=self._tenant(asker, body.tenant),
            status=UserStatus.INVITED,
            invite=invite,
            created=self.desk.now(),
        )
        try:
            await self.desk.users.create(user_key(user.email), user)
        except Conflict:
            raise AlreadyExists("There is a user with this e-mail address already.", param="email") from None
        return {**shown.user(user), "invite": self._link(token, invite)}

    async def change(self, asker: Asker, ask: AccountAsk) -> Mapping[str, Any]:
        """A deactivated user's sessions are over; a role counts from the next request on."""
        body = read(UserChange, ask.body)
        changes: dict[str, Any] = {name: getattr(body, name) for name in body.model_fields_set}
        if "role" in changes:
            changes["role"] = Role(changes["role"])
        if "status" in changes:
            changes["status"] = UserStatus(changes["status"])
        place, _ = await self._known(asker, ask.id)

        def decide(user: UserRecord) -> UserRecord:
            check_may_manage(asker.role, asker.user_id, user, changes)
            wanted = changes.get("status", user.status)
            if wanted is UserStatus.ACTIVE and not user.password_hash and user.status is not wanted:
                raise InvalidRequest("`status`: this user has no password yet; send them a link", param="status")
            ending = wanted is UserStatus.DEACTIVATED and user.status is not wanted
            epoch = user.session_epoch + (1 if ending else 0)
            invite = None if wanted is UserStatus.DEACTIVATED else user.invite
            return user.model_copy(update={**changes, "session_epoch": epoch, "invite": invite})

        return shown.user(await self.desk.users.change(place, decide))

    async def invite(self, asker: Asker, ask: AccountAsk) -> Mapping[str, Any]:
        """A fresh one-time link: the one before is void, a password that is set stays good until the link is used."""
        place, known = await self._known(asker, ask.id)
        token, invite = self._invite(known.id)

        def decide(user: UserRecord) -> UserRecord:
            check_may_manage(asker.role, asker.user_id, user, {})
            if user.status is UserStatus.DEACTIVATED:
                raise InvalidRequest("This user is deactivated; activate them first.")
            return user.model_copy(update={"invite": invite})

        await self.desk.users.change(place, decide)
        return self._link(token, invite)

    def _invite(self, user_id: str) -> tuple[str, Invite]:
        token, digest = make(INVITE, user_id, self.desk.random_bytes)
        return token, Invite(digest=digest, expires_at=self.desk.now() + _LINK)

    def _link(self, token: str, invite: Invite) -> dict[str, Any]:
        # Behind the #: browsers send it to no server, so that it stands in no log on the way.
        until = invite.expires_at.isoformat().replace("+00:00", "Z")
        return {"url": f"{self.desk.base_url}/portal/invite#{token}", "token": token, "expires_at": until}

    def _tenant(self, asker: Asker, wanted: str) -> str:
        if not wanted or wanted == asker.tenant.id:
            return asker.tenant.id
        if asker.standing is not Standing.PLATFORM_ADMIN or self.desk.tenants.get(wanted) is None:
            raise NotFound("There is no such account.", param="tenant")
        return wanted

    def _visible(self, asker: Asker) -> Mapping[str, UserRecord]:
        if asker.standing is Standing.PLATFORM_ADMIN:
            return self.desk.users.everything()
        return self.desk.users.of_tenant(asker.tenant.id)

    async def _known(self, asker: Asker, user_id: str) -> tuple[str, UserRecord]:
        await self.desk.users.current()
        for place, user in self._visible(asker).items():
            if user.id == user_id:
                return place, user
        raise NotFound("There is no such user. GET /api/admin/users lists them.")
