"""The log of administrators in the real store: each act once, credit too, and pages of one account or of all."""

from typing import Any

import orjson
import pytest

from libs.auth.acts import administered
from libs.bus.base import Stored
from libs.contracts.northern.v1.facts_pb2 import Fact
from libs.contracts.northern.v1.ledger_pb2 import Adjust, TopUp
from libs.contracts.northern.v1.query_pb2 import AdminLogAsk, ListTold
from libs.projection.base import UnreadableError
from services.billing.acts.desk import Desk
from services.billing.acts.log import acts_in
from tests.integration.billing.kept import Kept
from tests.support.money_facts import AT_MS, egress, finished, message

UNIT = 10**9


def act(n: int, tenant: str = "t_one", **more: Any) -> Fact:
    given = {"verb": "key_create", "actor": "u_one", "target": f"k_{n}", "members": ("name", "byok"), **more}
    return administered(
        act_id=f"act{n}",
        at_ms=AT_MS + n // 2,  # two within the same millisecond
        tenant=tenant,
        standing="owner",
        actor_tenant=tenant,
        answer={"byok": True},
        **given,
    )


async def asked(kept: Kept, **ask: Any) -> ListTold:
    told = ListTold.FromString(await Desk(store=kept.store).admin_log(AdminLogAsk(**ask).SerializeToString()))
    assert not told.HasField("failure"), told.failure
    return told


async def acts(kept: Kept, **ask: Any) -> list[str]:
    """Ids, page after page."""
    found: list[str] = []
    while True:
        told = await asked(kept, **ask)
        found += [orjson.loads(entry)["id"] for entry in told.entries]
        if not told.next:
            return found
        ask["cursor"] = told.next


async def written(kept: Kept, count: int) -> None:
    await kept.until("SELECT count() AS n FROM admin_log FINAL", lambda n: n == count)


async def test_acts_are_listed_newest_first_once_and_page_by_page(kept: Kept) -> None:
    for n in range(7):
        await kept.bus.append("ev.admin.0", message(act(n)))
    await kept.bus.append("ev.admin.0", message(act(3)))  # stated twice
    await kept.fact(egress(1))
    await kept.fact(finished(1))
    for _ in range(2):  # and all of it read twice
        async with kept.projecting():
            await written(kept, 7)
            await kept.until("SELECT count() AS n FROM usage FINAL", lambda n: n == 1)
        await kept.store.command("TRUNCATE TABLE usage")
    expected = [f"act{n}" for n in reversed(range(7))]
    for limit in (1, 2, 3, 7, 50):
        assert await acts(kept, tenant="t_one", limit=limit) == expected
    first = orjson.loads((await asked(kept, tenant="t_one", limit=1)).entries[0])
    assert first == {
        "id": "act6",
        "object": "admin.act",
        "tenant": "t_one",
        "at": first["at"],
        "verb": "key_create",
        "actor": "u_one",
        "standing": "owner",
        "actor_tenant": "t_one",
        "target": "k_6",
        "members": ["byok", "name"],
        "detail": {"byok": True},
    }
    assert first["at"].endswith("Z")


async def test_an_account_sees_its_own_acts_and_filters_narrow(kept: Kept) -> None:
    for n, more in enumerate(({}, {"tenant": "t_two"}, {"verb": "byok_put", "target": "openai"}, {"actor": "u_two"})):
        await kept.bus.append("ev.admin.0", message(act(n, **more)))
    async with kept.projecting():
        await written(kept, 4)
    assert await acts(kept, tenant="t_two") == ["act1"]
    assert len(await acts(kept)) == 4
    assert await acts(kept, tenant="t_one", verb="byok_put") == ["act2"]
    assert await acts(kept, tenant="t_one", actor="u_two") == ["act3"]
    assert await acts(kept, tenant="t_one", target="k_0") == ["act0"]
    assert await acts(kept, from_ms=AT_MS + 1) == ["act3", "act2"]
    assert await acts(kept, until_ms=AT_MS + 1) == ["act1", "act0"]
    assert await acts(kept, tenant="t' OR 1=1 --") == []


async def test_credit_that_somebody_gave_is_an_act_and_what_the_street_does_is_none(kept: Kept) -> None:
    await kept.journal(
        TopUp(op_id="opening", account="t_one", amount_nano=100 * UNIT, note="Opening deposit", by="northern"),
        TopUp(op_id="1", account="t_one", amount_nano=5 * UNIT, note="canary note", by="u_admin"),
        Adjust(op_id="2", account="t_one", amount_nano=-2 * UNIT, note="", by="u_admin"),
    )
    async with kept.projecting():
        await written(kept, 2)
    await kept.store.command("TRUNCATE TABLE ledger_journal")  # as if it had died before it was done
    async with kept.projecting():
        await kept.until("SELECT count() AS n FROM ledger_journal", lambda n: n == 1)
        await written(kept, 2)
    entries = [orjson.loads(entry) for entry in (await asked(kept, tenant="t_one")).entries]
    assert sorted(entry["detail"]["amount"] for entry in entries) == ["-2.00", "5.00"]
    assert {(entry["verb"], entry["actor"], entry["target"]) for entry in entries} == {("credit", "u_admin", "t_one")}
    assert "canary" not in str(entries)


@pytest.mark.parametrize("cursor", ["x", "YQ", "YTE6", "YWJj"])
async def test_a_cursor_that_is_none_is_refused_by_name(kept: Kept, cursor: str) -> None:
    told = ListTold.FromString(await Desk(store=kept.store).admin_log(AdminLogAsk(cursor=cursor).SerializeToString()))
    assert (told.failure.code, told.failure.param) == ("invalid_request", "cursor")


@pytest.mark.parametrize(
    "data",
    [b"\xff", message(egress(1)), message(act(1, tenant="")), message(Fact(tenant="t", at_ms=1))],
)
def test_a_message_that_holds_no_acts_is_put_aside(data: bytes) -> None:
    with pytest.raises(UnreadableError):
        acts_in(Stored("ev.admin.0", 1, data))
