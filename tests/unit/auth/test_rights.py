"""The table of rights: complete, and nothing is allowed that it does not say."""

import pytest

from libs.auth.records import Role
from libs.auth.rights import RIGHTS, Right, Standing, manages, permit, standing_of
from libs.contracts.errors import NotPermitted

K, M, AU, AD, O, P = Standing  # noqa: E741 - columns of a table

# What each may do, by hand: key, member, auditor, admin, owner, platform admin.
TABLE = {
    Right.KEY_LIST: (K, M, AU, AD, O, P),
    Right.KEY_GET: (K, M, AU, AD, O, P),
    Right.KEY_CREATE: (K, M, AD, O, P),
    Right.KEY_CHANGE: (K, M, AD, O, P),
    Right.KEY_REVOKE: (K, M, AD, O, P),
    Right.KEY_ROTATE: (K, M, AD, O, P),
    Right.BYOK_LIST: (O, P),
    Right.BYOK_GET: (O, P),
    Right.BYOK_PUT: (O, P),
    Right.BYOK_DELETE: (O, P),
    Right.BYOK_REWRAP: (P,),
    Right.ALIAS_LIST: (K, M, AU, AD, O, P),
    Right.ALIAS_GET: (K, M, AU, AD, O, P),
    Right.ALIAS_PUT: (K, M, AD, O, P),
    Right.ALIAS_DELETE: (K, M, AD, O, P),
    Right.TENANT_LIST: (P,),
    Right.TENANT_GET: (P,),
    Right.TENANT_CREATE: (P,),
    Right.TENANT_CHANGE: (P,),
    Right.USER_LIST: (AD, O, P),
    Right.USER_GET: (AD, O, P),
    Right.USER_CREATE: (AD, O, P),
    Right.USER_CHANGE: (AD, O, P),
    Right.USER_INVITE: (AD, O, P),
}


def test_the_table_is_complete() -> None:
    assert set(TABLE) == set(Right) == set(RIGHTS)


@pytest.mark.parametrize("right", TABLE)
@pytest.mark.parametrize("standing", Standing)
def test_who_is_in_the_table_may_and_nobody_else(standing: Standing, right: Right) -> None:
    if standing in TABLE[right]:
        permit(standing, right)
    else:
        with pytest.raises(NotPermitted, match="Sign in as one of"):
            permit(standing, right)


def test_every_role_has_a_standing_and_an_unknown_one_has_none() -> None:
    assert {standing_of(role.value) for role in Role} == set(Standing) - {K}
    assert standing_of("") is K
    with pytest.raises(NotPermitted):
        standing_of("root")


@pytest.mark.parametrize(
    ("manager", "managed"),
    [
        (Role.MEMBER, set()),
        (Role.AUDITOR, set()),
        (Role.ADMIN, {Role.MEMBER, Role.AUDITOR}),
        (Role.OWNER, {Role.MEMBER, Role.AUDITOR, Role.ADMIN, Role.OWNER}),
        (Role.PLATFORM_ADMIN, set(Role)),
    ],
)
def test_nobody_manages_a_role_beyond_their_own(manager: Role, managed: set[Role]) -> None:
    assert {role for role in Role if manages(manager, role)} == managed
