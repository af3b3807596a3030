"""What is put on record of an administrative act: who did what to whom; names of what was sent, and no secret ever."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson

from libs.contracts.northern.v1.facts_pb2 import Admin, Fact

# Values that say what may be done, and by whom; everything else of an answer stays out, whatever it is.
_TOLD: Final = frozenset(
    """
    status role allowed_tiers residency model_pool optimize_mode byok max_spend_per_day rate_limits expires_at time_zone
    currency budget_per_month alert_thresholds prefix last4 provider region resource project amount rewrapped unopened
    """.split()
)
_LONGEST: Final = 2_048  # bytes of `detail`; a longer one is left out whole
_MOST_MEMBERS: Final = 32
_LONGEST_NAME: Final = 64


def administered(
    *,
    act_id: str,
    at_ms: int,
    verb: str,
    tenant: str,
    actor: str,
    standing: str,
    actor_tenant: str,
    target: str = "",
    members: Iterable[str] = (),
    answer: Mapping[str, Any] | None = None,
) -> Fact:
    """The fact of one act on the account `tenant`. `answer` is what the caller was told; little of it is kept."""
    told = {name: value for name, value in (answer or {}).items() if name in _TOLD and value is not None}
    detail = orjson.dumps(told, option=orjson.OPT_SORT_KEYS).decode()
    return Fact(
        tenant=tenant,
        at_ms=at_ms,
        admin=Admin(
            act_id=act_id,
            verb=verb,
            actor=actor,
            standing=standing,
            actor_tenant=actor_tenant,
            target=target,
            members=sorted({name[:_LONGEST_NAME] for name in members})[:_MOST_MEMBERS],
            detail=detail if len(detail) <= _LONGEST else "{}",
        ),
    )
