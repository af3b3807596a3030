"""Every administrative act leaves one fact: who, what, to whom; never a secret; what is refused or only read, none."""

from typing import Any

import orjson
import pytest

from libs.auth.records import Role
from libs.auth.rights import Right
from libs.bus.memory import MemoryBus
from libs.contracts.errors import NorthernError
from libs.contracts.northern.v1.account_pb2 import Actor
from libs.contracts.northern.v1.facts_pb2 import Fact, FactBatch
from tests.unit.accounts.rig import Rig
from tests.unit.accounts.test_byok import ACCOUNT, CANARY


def acts(scene: Rig) -> list[Fact]:
    assert isinstance(scene.bus, MemoryBus)
    stored = scene.bus._streams["EVENTS"].messages
    assert all(message.subject == "ev.admin.0" for message in stored)
    return [fact for message in stored for fact in FactBatch.FromString(message.data).facts]


async def act(scene: Rig, right: Right, actor: Actor, body: Any = None, **more: Any) -> tuple[Any, Fact]:
    """The answer, and the one fact that is durable by then."""
    before = len(acts(scene))
    answer = await scene.ask(right, actor, body, **more)
    (fact,) = acts(scene)[before:]
    return answer, fact


async def test_a_key_from_its_making_to_its_end(scene: Rig) -> None:
    owner = scene.session()
    made, fact = await act(scene, Right.KEY_CREATE, owner, {"name": "ci", "max_spend_per_day": "3.25"})
    assert (fact.tenant, fact.at_ms, fact.request_id) == ("t_a", round(scene.now_s * 1000), "")
    said = fact.admin
    assert (said.verb, said.actor, said.standing, said.actor_tenant) == ("key_create", "u_me", "owner", "t_a")
    assert (said.target, list(said.members)) == (made["id"], ["max_spend_per_day", "name"])
    detail = orjson.loads(said.detail)
    assert detail["max_spend_per_day"] == made["max_spend_per_day"]
    assert detail["last4"] == made["last4"]
    for right in (Right.KEY_ROTATE, Right.KEY_CHANGE, Right.KEY_REVOKE):
        _, fact = await act(scene, right, owner, {}, id=made["id"])
        assert (fact.admin.verb, fact.admin.target) == (right.value, made["id"])
    assert len({one.admin.act_id for one in acts(scene)}) == 4
    assert made["key"] not in str(acts(scene))


async def test_a_key_that_acts_is_named_as_what_it_is(scene: Rig) -> None:
    _, fact = await act(scene, Right.KEY_CREATE, await scene.key(), {"name": "by a key"})
    assert fact.admin.standing == "key"
    assert fact.admin.actor.startswith("k_")


@pytest.mark.parametrize(
    ("provider", "body"),
    [
        ("openai", {"api_key": CANARY}),
        ("vertex", {"region": "us", "service_account": {**ACCOUNT, "project_id": "maple-prod"}}),
    ],
)
async def test_a_credential_is_on_record_without_a_byte_of_it(scene: Rig, provider: str, body: dict[str, Any]) -> None:
    _, fact = await act(scene, Right.BYOK_PUT, scene.session(), body, id=provider)
    assert (fact.admin.target, list(fact.admin.members)) == (provider, sorted(body))
    _, gone = await act(scene, Right.BYOK_DELETE, scene.session(), id=provider)
    assert gone.admin.verb == "byok_delete"
    written = b"".join(fact.SerializeToString() for fact in acts(scene))
    assert CANARY.encode() not in written
    assert ACCOUNT["private_key"].encode() not in written


async def test_an_act_belongs_to_the_account_that_it_was_done_to(scene: Rig) -> None:
    admin = scene.session(Role.PLATFORM_ADMIN)
    made, fact = await act(scene, Right.TENANT_CREATE, admin, {"name": "New"})
    assert (fact.tenant, fact.admin.actor_tenant) == (made["id"], "t_a")
    assert made["api_key"] not in str(fact)
    changed = {"budget_per_month": "5.00", "alert_webhook": {"url": "https://hooks.example/x"}}
    told, fact = await act(scene, Right.TENANT_CHANGE, admin, changed, id=made["id"])
    assert fact.tenant == made["id"]
    assert orjson.loads(fact.admin.detail)["budget_per_month"] == told["budget_per_month"]
    assert told["alert_webhook"]["secret"] not in str(fact)
    user, fact = await act(scene, Right.USER_CREATE, admin, {"email": "a@b.example", "tenant": made["id"]})
    assert fact.tenant == made["id"]
    assert user["invite"]["token"] not in str(fact)
    link, fact = await act(scene, Right.USER_INVITE, admin, id=user["id"])
    assert (fact.tenant, fact.admin.target) == (made["id"], user["id"])
    assert link["token"] not in str(fact)


async def test_what_is_refused_or_only_read_leaves_nothing(scene: Rig) -> None:
    for right, actor, more in (
        (Right.KEY_LIST, scene.session(), {}),
        (Right.TENANT_CREATE, scene.session(), {"body": {"name": "x"}}),
        (Right.KEY_CHANGE, scene.session(), {"body": {"name": 7}, "id": "k_none"}),
        (Right.BYOK_PUT, scene.session(Role.MEMBER), {"body": {"api_key": CANARY}, "id": "openai"}),
    ):
        try:
            await scene.ask(right, actor, **more)
        except NorthernError:
            continue
    assert acts(scene) == []
