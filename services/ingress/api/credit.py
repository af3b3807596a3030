"""Credit that an admin gives to an account, or takes back: read from the request's body, checked, made an operation."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import orjson
from aiohttp.web_request import BaseRequest

from libs.auth.rights import Standing
from libs.contracts.errors import InvalidRequest
from libs.contracts.money import NANO
from libs.contracts.northern.v1.account_pb2 import Actor
from libs.contracts.northern.v1.ledger_pb2 import Adjust, LedgerRequest, TopUp
from services.ingress.api.endpoints import permit
from services.ingress.http.bodies import small_body

MOST: Final = 100_000_000  # units of the account's currency in one operation, as the ledger takes them
_FORM: Final = 'send {"tenant": "t_…", "amount": "25.00", "note": "…"}'
_AMOUNT: Final = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)  # nine decimals: nano-units
_TENANT: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_MEMBERS: Final = frozenset({"tenant", "amount", "note"})
_LONGEST_NOTE: Final = 500


@dataclass(frozen=True, kw_only=True)
class Given:
    """`op_id` is the same for the same Idempotency-Key of the same admin, so that it counts once."""

    op_id: str
    tenant: str
    amount_nano: int
    note: str
    by: str

    def operation(self) -> LedgerRequest:
        """Money in is a deposit; what is taken back is an adjustment, and takes no more than stands free."""
        common: dict[str, Any] = {
            "op_id": self.op_id,
            "account": self.tenant,
            "amount_nano": self.amount_nano,
            "note": self.note,
            "by": self.by,
        }
        if self.amount_nano > 0:
            return LedgerRequest(top_up=TopUp(**common))
        return LedgerRequest(adjust=Adjust(**common))


async def given(request: BaseRequest, actor: Actor) -> Given:
    """Raises NotPermitted, InvalidRequest naming the member, and what reading a body raises."""
    permit(actor, (Standing.PLATFORM_ADMIN,))
    op_id = _op_id(request.headers.get("Idempotency-Key"), actor.user_id)
    tenant, amount_nano, note = read(await small_body(request))
    return Given(op_id=op_id, tenant=tenant, amount_nano=amount_nano, note=note, by=actor.user_id)


def read(body: bytes) -> tuple[str, int, str]:
    """Account, nano-units and note. Raises InvalidRequest naming the member."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, dict):
        raise InvalidRequest(_FORM)
    if unknown := sorted(said.keys() - _MEMBERS):
        raise InvalidRequest(f"there is a member that is not known here; {_FORM}", param=unknown[0][:64])
    tenant, amount, note = said.get("tenant"), said.get("amount"), said.get("note", "")
    if not isinstance(tenant, str) or not _TENANT.fullmatch(tenant):
        raise InvalidRequest("`tenant` must be the id of an account", param="tenant")
    if not isinstance(amount, str) or not _AMOUNT.fullmatch(amount):
        raise InvalidRequest(
            '`amount` must be a decimal string such as "25.00", with at most nine decimals', param="amount"
        )
    nano = int(Decimal(amount).scaleb(9))
    if not 0 < abs(nano) <= MOST * NANO:
        raise InvalidRequest(f"`amount` must not be zero, nor beyond {MOST}", param="amount")
    if note is None:
        note = ""
    if not isinstance(note, str) or len(note) > _LONGEST_NOTE or not note.isprintable():
        raise InvalidRequest(f"`note` must be a text of one line, at most {_LONGEST_NOTE} characters", param="note")
    return tenant, nano, note


def _op_id(key: str | None, user: str) -> str:
    if key is None:
        return f"credit:{secrets.token_hex(16)}"
    if not _KEY.fullmatch(key):
        raise InvalidRequest("`Idempotency-Key` must be 1 to 255 visible ASCII characters", param="Idempotency-Key")
    return f"credit:{hashlib.sha256(f'{user} {key}'.encode()).hexdigest()}"
