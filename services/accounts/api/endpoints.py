"""Which handler answers which right: the verbs of the account API, complete."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from libs.auth.rights import Right
from services.accounts.api.aliases import Aliases
from services.accounts.api.asking import Answer, Desk, responder
from services.accounts.api.byok import Byok, ring_reader
from services.accounts.api.keys import Keys
from services.accounts.api.tenants import Tenants
from services.accounts.api.users import Users


def answers(desk: Desk, kek_file: Path | None) -> Mapping[Right, Answer]:
    """Every right with what exercises it."""
    keys, tenants, users = Keys(desk=desk), Tenants(desk=desk), Users(desk=desk)
    aliases = Aliases(desk=desk)
    byok = Byok(desk=desk, ring=ring_reader(kek_file))
    return {
        Right.KEY_LIST: keys.list,
        Right.KEY_GET: keys.get,
        Right.KEY_CREATE: keys.create,
        Right.KEY_CHANGE: keys.change,
        Right.KEY_REVOKE: keys.revoke,
        Right.KEY_ROTATE: keys.rotate,
        Right.BYOK_LIST: byok.list,
        Right.BYOK_GET: byok.get,
        Right.BYOK_PUT: byok.put,
        Right.BYOK_DELETE: byok.delete,
        Right.BYOK_REWRAP: byok.rewrap,
        Right.ALIAS_LIST: aliases.list,
        Right.ALIAS_GET: aliases.get,
        Right.ALIAS_PUT: aliases.put,
        Right.ALIAS_DELETE: aliases.delete,
        Right.TENANT_LIST: tenants.list,
        Right.TENANT_GET: tenants.get,
        Right.TENANT_CREATE: tenants.create,
        Right.TENANT_CHANGE: tenants.change,
        Right.USER_LIST: users.list,
        Right.USER_GET: users.get,
        Right.USER_CREATE: users.create,
        Right.USER_CHANGE: users.change,
        Right.USER_INVITE: users.invite,
    }


def responders(desk: Desk, kek_file: Path | None) -> dict[str, Callable[[bytes], Awaitable[bytes]]]:
    """The same as answers to queries, by the query's verb; and what the edge alone asks."""
    rights = {right.value: responder(desk, right, answer) for right, answer in answers(desk, kek_file).items()}
    return {**rights, "alias_shown": Aliases(desk=desk).shown}
