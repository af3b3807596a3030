"""Who may do what: one table of rights and of those who have them; what is not in it is not allowed."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from libs.auth.records import Role
from libs.contracts.errors import NotPermitted


class Standing(StrEnum):
    """In what capacity somebody asks: with a key of the account, or as a user in a role."""

    KEY = "key"
    MEMBER = "member"
    AUDITOR = "auditor"
    ADMIN = "admin"
    OWNER = "owner"
    PLATFORM_ADMIN = "platform_admin"


class Right(StrEnum):
    """What can be done over the API. The names are verbs of the accounts service's queries too."""

    KEY_LIST = "key_list"
    KEY_GET = "key_get"
    KEY_CREATE = "key_create"
    KEY_CHANGE = "key_change"
    KEY_REVOKE = "key_revoke"
    KEY_ROTATE = "key_rotate"
    BYOK_LIST = "byok_list"
    BYOK_GET = "byok_get"
    BYOK_PUT = "byok_put"
    BYOK_DELETE = "byok_delete"
    BYOK_REWRAP = "byok_rewrap"
    ALIAS_LIST = "alias_list"
    ALIAS_GET = "alias_get"
    ALIAS_PUT = "alias_put"
    ALIAS_DELETE = "alias_delete"
    TENANT_LIST = "tenant_list"
    TENANT_GET = "tenant_get"
    TENANT_CREATE = "tenant_create"
    TENANT_CHANGE = "tenant_change"
    USER_LIST = "user_list"
    USER_GET = "user_get"
    USER_CREATE = "user_create"
    USER_CHANGE = "user_change"
    USER_INVITE = "user_invite"


_K, _M, _AU, _AD, _O, _P = Standing
_PLATFORM: Final = frozenset({_P})
_OWNERS: Final = frozenset({_O, _P})
_PEOPLE: Final = frozenset({_AD, _O, _P})
_READ_KEYS: Final = frozenset({_K, _M, _AU, _AD, _O, _P})
_WRITE_KEYS: Final = frozenset({_K, _M, _AD, _O, _P})

# A key is no administrator, whoever made it: it lies in editors' settings and build servers.
RIGHTS: Mapping[Right, frozenset[Standing]] = {
    Right.KEY_LIST: _READ_KEYS,
    Right.KEY_GET: _READ_KEYS,
    Right.KEY_CREATE: _WRITE_KEYS,
    Right.KEY_CHANGE: _WRITE_KEYS,
    Right.KEY_REVOKE: _WRITE_KEYS,
    Right.KEY_ROTATE: _WRITE_KEYS,
    Right.BYOK_LIST: _OWNERS,
    Right.BYOK_GET: _OWNERS,
    Right.BYOK_PUT: _OWNERS,
    Right.BYOK_DELETE: _OWNERS,
    Right.BYOK_REWRAP: _PLATFORM,
    Right.ALIAS_LIST: _READ_KEYS,
    Right.ALIAS_GET: _READ_KEYS,
    Right.ALIAS_PUT: _WRITE_KEYS,
    Right.ALIAS_DELETE: _WRITE_KEYS,
    Right.TENANT_LIST: _PLATFORM,
    Right.TENANT_GET: _PLATFORM,
    Right.TENANT_CREATE: _PLATFORM,
    Right.TENANT_CHANGE: _PLATFORM,
    Right.USER_LIST: _PEOPLE,
    Right.USER_GET: _PEOPLE,
    Right.USER_CREATE: _PEOPLE,
    Right.USER_CHANGE: _PEOPLE,
    Right.USER_INVITE: _PEOPLE,
}

# Whom a user may create, change and send a link: a link sets a password, so it is as much as being that user.
_MANAGES: Final[Mapping[Role, frozenset[Role]]] = {
    Role.ADMIN: frozenset({Role.MEMBER, Role.AUDITOR}),
    Role.OWNER: frozenset({Role.MEMBER, Role.AUDITOR, Role.ADMIN, Role.OWNER}),
    Role.PLATFORM_ADMIN: frozenset(Role),
}


def standing_of(role: str) -> Standing:
    """The standing of a user in this role, or of a key where there is none. Raises NotPermitted: an unknown role."""
    try:
        return Standing(role or Standing.KEY)
    except ValueError:
        raise NotPermitted("Your role is not known here. Ask the owner of your account.") from None


def permit(standing: Standing, right: Right) -> None:
    """Raises NotPermitted unless the table has it."""
    allowed = RIGHTS.get(right, frozenset())
    if standing in allowed:
        return
    roles = ", ".join(one.value for one in Standing if one in allowed and one is not Standing.KEY)
    who = "An API key" if standing is Standing.KEY else f"The role {standing.value}"
    raise NotPermitted(f"{who} may not do this. Sign in as one of: {roles}.")


def manages(manager: Role, role: Role) -> bool:
    """Whether a user in one role may make, change or invite users in another."""
    return role in _MANAGES.get(manager, frozenset())
