"""Custody as its users meet it: look-ups, receipts, the log for everybody, erasure, holds, retention, export."""

import asyncio
import hashlib
import io
import re
import secrets
import tarfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
import pytest

from libs.tlog.checkpoint import open_checkpoint
from libs.tlog.merkle import root
from libs.tlog.note import VerifierKey, open_note
from libs.tlog.policy import Policy
from libs.tlog.receipt import Receipt
from libs.tlog.tiles import Tiles, entries_in, tiles_of
from tests.e2e.edge import Edge, Reply, raw
from tests.e2e.people import Doorman, Person, doorman_of
from tests.support.street import Street

pytestmark = pytest.mark.street

ROUTE: Final = "Qwen/Qwen3-14B"
HOLDS, RETENTION = "/api/admin/custody/holds", "/api/admin/custody/retention"


def record_of(request_id: str) -> str:
    return f"/api/usage/custody/{request_id}"


async def asked(edge: Edge, key: str | None = None) -> tuple[str, bytes, Reply]:
    """A request of the account: its id, its body, its answer."""
    body = orjson.dumps({"model": ROUTE, "messages": [{"role": "user", "content": secrets.token_hex(8)}]})
    reply = await edge.chat(body, key=key)
    assert reply.status == 200, reply.body
    return reply.headers["x-ni-request-id"], body, reply


async def key_of(edge: Edge) -> VerifierKey:
    reply = await edge.send("GET", "/api/custody/key", key="")
    assert (reply.status, reply.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    return VerifierKey.read(reply.body.decode().splitlines()[0])


async def test_a_receipt_proves_the_record_the_request_and_the_response(edge: Edge) -> None:
    request_id, body, reply = await asked(edge)
    record = await edge.custody(request_id)
    told = await edge.send("GET", f"{record_of(request_id)}/receipt")
    assert (told.status, told.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert told.headers["content-disposition"] == f'attachment; filename="{request_id}.tlog-proof"'
    assert told.headers["cache-control"] == "no-store"
    receipt = Receipt.read(told.body)
    believed = receipt.verify(Policy(logs=[await key_of(edge)]))
    receipt.is_of(request_id)
    receipt.has_request(body)
    receipt.has_response(reply.body)
    assert believed.index == record["proof"]["index"]
    assert record["proof"]["receipt"] == f"{record_of(request_id)}/receipt"
    assert {name: value for name, value in record.items() if name != "proof"} == receipt.record


async def test_the_log_is_there_for_everybody_and_is_the_tree_that_was_signed(edge: Edge) -> None:
    request_id, _, _ = await asked(edge)
    index = (await edge.custody(request_id))["proof"]["index"]
    note = await edge.send("GET", "/api/custody/checkpoint", key="")
    assert (note.status, note.headers["cache-control"]) == (200, "no-cache")
    head, _ = open_checkpoint(note.body.decode(), await key_of(edge))
    assert head.size > index
    found: dict[str, bytes] = {}
    for tile in tiles_of(head.size):
        reply = await edge.send("GET", f"/api/custody/{tile.path}", key="")
        assert (reply.status, reply.headers["content-type"]) == (200, "application/octet-stream")
        assert reply.headers["cache-control"] == "public, max-age=31536000, immutable"
        found[tile.path] = reply.body
    assert root(head.size, Tiles(head.size, lambda tile: found[tile.path]).subtree) == head.root
    entries = [e for t in tiles_of(head.size) if t.level < 0 for e in entries_in(found[t.path])]
    assert (len(entries), {len(entry) for entry in entries}) == (head.size, {32})
    assert request_id.encode() not in b"".join(found.values())
    assert (await edge.send("GET", "/api/custody/witness", key="")).status == 200
    head_only = await edge.send("HEAD", "/api/custody/checkpoint", key="")
    assert (head_only.status, head_only.body) == (200, b"")


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/%2e%2e/%2e%2e/shown.json",
        "tile/0/../../../log.key",
        "tile//0/000",
        "tile/0/000%00",
        "tile/0/0",
        "tile/8/000",
        "tile/-1/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/x000/000",
        "tile/entries/999",
        "tile/0/" + "x001/" * 60 + "000",
        "tile/",
        "shown.json",
        "reach.json",
        "",
        ".lock",
        "checkpoint/",
    ],
)
async def test_what_is_no_tile_is_not_found(edge: Edge, path: str) -> None:
    reply = await edge.send("GET", f"/api/custody/{path}", key="")
    assert (reply.status, reply.error["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["tile/../key", "tile/%2e%2e/checkpoint", "tile/0/../../../log.key", "tile/0/..;/x"])
async def test_a_path_that_climbs_is_not_found(street: Street, path: str) -> None:
    request = f"GET /api/custody/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    said = await raw(street, request.encode())
    assert said.startswith(b"HTTP/1.1 404 ")
    assert b'"code":"not_found"' in said


async def test_the_log_takes_no_other_method(edge: Edge) -> None:
    for place in ("checkpoint", "key", "witness", "tile/0/000"):
        reply = await edge.send("DELETE", f"/api/custody/{place}", key="")
        assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("request_id", ["x", "0" * 15, "0" * 17, "G" * 16, "..%2f..%2fetc", "0" * 16, "%0a" * 16])
async def test_what_is_no_id_or_nobody_s_is_not_found(edge: Edge, request_id: str) -> None:
    for path in (record_of(request_id), f"{record_of(request_id)}/receipt"):
        reply = await edge.send("GET", path)
        assert (reply.status, reply.error["code"]) == (404, "not_found")


@dataclass(frozen=True, kw_only=True)
class Account:
    """An account of a test's own: its key, and people of it."""

    edge: Edge
    tenant: str
    key: str
    owner: Person
    auditor: Person
    member: Person
    platform: Person

    async def by(self, who: Person, method: str, path: str, body: Any = None) -> Reply:
        return await self.edge.send(method, path, body=body, key="", headers=who.headers)

    async def request(self) -> str:
        """A request of the account, once it is sealed."""
        request_id, _, _ = await asked(self.edge, self.key)
        await self.record(request_id, "sealed")
        return request_id

    async def record(self, request_id: str, status: str) -> Any:
        for _ in range(100):
            reply = await self.edge.send("GET", record_of(request_id), key=self.key)
            if reply.status == 200 and reply.json["status"] == status:
                return reply.json
            await asyncio.sleep(0.1)
        raise AssertionError(f"not {status}: {reply.body!r}")


@pytest.fixture
async def account(edge: Edge, street: Street) -> AsyncIterator[Account]:
    async with doorman_of(street) as door:
        platform = await door.admin()
        tenant = await opened(edge, door, platform)
        people = [await door.invited(platform, tenant, role) for role in ("owner", "auditor", "member")]
        made = await door.sent("POST", "/api/keys", {"name": "custody"}, people[0])
        await given(edge, platform, tenant)
        for _ in range(100):  # until the edge knows the key, too
            if (await edge.send("GET", "/api/credits", key=made["key"])).status == 200:
                break
            await asyncio.sleep(0.05)
        owner, auditor, member = people
        yield Account(
            edge=edge,
            tenant=tenant,
            key=made["key"],
            owner=owner,
            auditor=auditor,
            member=member,
            platform=platform,
        )


async def opened(edge: Edge, door: Doorman, platform: Person) -> str:
    tenant = str((await door.sent("POST", "/api/admin/tenants", {"name": "Custody"}, platform))["id"])
    for _ in range(100):
        if (await edge.send("GET", f"/api/credits?tenant={tenant}", key="", headers=platform.headers)).status == 200:
            return tenant
        await asyncio.sleep(0.05)
    raise AssertionError("the account is not known")


async def given(edge: Edge, platform: Person, tenant: str) -> None:
    headers = {**platform.headers, "Idempotency-Key": secrets.token_hex(8)}
    body = {"tenant": tenant, "amount": "10.00"}
    assert (await edge.send("POST", "/api/admin/credits", body=body, key="", headers=headers)).status == 201


async def test_an_owner_erases_a_record_and_that_is_on_record(account: Account) -> None:
    request_id = await account.request()
    for who in (account.member, account.auditor):
        refused = await account.by(who, "DELETE", record_of(request_id))
        assert (refused.status, refused.error["code"]) == (403, "not_permitted")
    by_key = await account.edge.send("DELETE", record_of(request_id), key=account.key)
    assert (by_key.status, by_key.error["code"]) == (403, "not_permitted")
    stranger = await account.by(account.platform, "DELETE", record_of(request_id))
    assert stranger.status in (404, 503)  # of the platform's own account there is no such record
    place = (await account.record(request_id, "sealed"))["proof"]["index"]
    told = await account.by(account.owner, "DELETE", record_of(request_id))
    assert (told.status, told.json["status"], told.json["erased_by"]) == (200, "erased", account.owner.id)
    again = await account.by(account.owner, "DELETE", record_of(request_id))
    assert again.json == told.json
    left = await account.record(request_id, "erased")
    assert (left["erased_at"], left["erased_by"]) == (told.json["erased_at"], account.owner.id)
    assert left["proof"]["index"] == place
    assert set(left) == {
        "request_id",
        "request-id",
        "object",
        "status",
        "erased_at",
        "erased_by",
        "proof",
    }
    receipt = await account.edge.send("GET", f"{record_of(request_id)}/receipt", key=account.key)
    assert (receipt.status, receipt.error["code"]) == (404, "not_found")
    for _ in range(100):
        acts = (await account.by(account.auditor, "GET", "/api/admin/log?verb=custody_erase")).json["data"]
        if acts:
            break
        await asyncio.sleep(0.1)
    assert [(act["actor"], act["standing"], act["target"]) for act in acts] == [(account.owner.id, "owner", request_id)]


async def test_nothing_is_erased_under_a_legal_hold(account: Account) -> None:
    request_id = await account.request()
    for body in ({"reason": "a case"}, {"request_id": request_id}):
        held = await account.by(account.owner, "PUT", HOLDS, body)
        assert (held.status, held.json["request_id"]) == (200, body.get("request_id"))
        refused = await account.by(account.owner, "DELETE", record_of(request_id))
        assert (refused.status, refused.error["code"]) == (409, "legal_hold")
        assert (await account.by(account.auditor, "GET", HOLDS)).json["data"] == [held.json]
        assert (await account.by(account.auditor, "GET", f"{HOLDS}?cursor=ffffffffffffffff")).json["data"] == []
        which = f"?request_id={body['request_id']}" if "request_id" in body else ""
        lifted = await account.by(account.owner, "DELETE", HOLDS + which)
        assert lifted.json == {**held.json, "lifted": True}
    theirs = await account.by(account.platform, "PUT", HOLDS, {"tenant": account.tenant, "reason": "an order"})
    by_body = await account.by(account.platform, "DELETE", HOLDS, {"tenant": account.tenant, "request_id": request_id})
    assert by_body.status == 400  # a body is not read: without it all that is held would be meant
    assert theirs.json["standing"] == "platform_admin"
    assert (await account.by(account.owner, "DELETE", HOLDS)).error["code"] == "not_permitted"
    assert (await account.by(account.member, "GET", HOLDS)).error["code"] == "not_permitted"
    assert (await account.by(account.owner, "GET", f"{HOLDS}?tenant=t_other")).status == 404
    assert (await account.by(account.platform, "DELETE", f"{HOLDS}?tenant={account.tenant}")).status == 200
    assert (await account.by(account.owner, "DELETE", HOLDS)).status == 404
    assert (await account.by(account.owner, "DELETE", record_of(request_id))).status == 200


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        (HOLDS, {"request_id": "x"}, "request_id"),
        (HOLDS, {"request_id": 7}, "request_id"),
        (HOLDS, {"reason": "x" * 201}, "reason"),
        (HOLDS, {"reason": "a\nb"}, "reason"),
        (HOLDS, {"until": "x"}, None),
        (HOLDS, [], None),
        (RETENTION, {}, "days"),
        (RETENTION, {"days": 0}, "days"),
        (RETENTION, {"days": True}, "days"),
        (RETENTION, {"days": "7"}, "days"),
        (RETENTION, {"days": 1 << 40}, "days"),
    ],
)
async def test_what_cannot_hold_is_refused_by_name(account: Account, path: str, body: Any, param: str | None) -> None:
    reply = await account.by(account.owner, "PUT", path, body)
    assert (reply.status, reply.error["param"]) == (400, param)


async def test_retention_is_what_was_said_last(account: Account) -> None:
    assert (await account.by(account.auditor, "GET", RETENTION)).json["days"] is None
    for days in (30, None, 400):
        told = await account.by(account.owner, "PUT", RETENTION, {"days": days})
        assert (told.status, told.json["days"], told.json["set_by"]) == (200, days, account.owner.id)
        assert (await account.by(account.auditor, "GET", RETENTION)).json == told.json
    assert (await account.by(account.auditor, "PUT", RETENTION, {"days": 1})).error["code"] == "not_permitted"


def files_in(bundle: bytes) -> Mapping[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(bundle)) as tar:
        found = {}
        for each in tar:
            held = tar.extractfile(each)
            assert held is not None
            found[each.name] = held.read()
        return found


async def test_an_export_holds_every_receipt_and_is_signed_by_the_log_s_key(account: Account) -> None:
    ids = [await account.request() for _ in range(3)]
    gone = ids.pop(1)
    await account.by(account.owner, "DELETE", record_of(gone))
    refused = await account.edge.send("GET", "/api/custody/export", key=account.key)
    assert (refused.status, refused.error["code"]) == (403, "not_permitted")
    reply = await account.by(account.auditor, "GET", "/api/custody/export?from=2026-01-02")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/x-tar")
    files = files_in(reply.body)
    key = await key_of(account.edge)
    policy = Policy(logs=[key])
    receipts = [name for name in files if name.startswith("receipts/")]
    assert receipts == [f"receipts/{each}.tlog-proof" for each in sorted(ids)]
    head, _ = open_checkpoint(files["checkpoint"].decode(), key)
    for name in receipts:
        receipt = Receipt.read(files[name])
        assert receipt.verify(policy).root == head.root
    part = open_note(files["parts/000001"].decode(), [key]).text
    for name in receipts:
        assert f"\n{hashlib.sha256(files[name]).hexdigest()} {name}\n" in part
    assert re.search(rf"^erased {gone} \d+$", part, re.MULTILINE)
    assert "\nafter -\nthrough end\n" in part
    manifest = open_note(files["MANIFEST"].decode(), [key]).text
    digest = hashlib.sha256(files["summary.json"]).hexdigest()
    assert manifest.endswith(f"receipts 2\nleft 1\nparts 1\n{digest} summary.json\n")
    for said in (part, manifest):
        assert f"\naccount {account.tenant}\n" in said
        assert "\nfrom 2026-01-02T00:00:00.000Z\nto -\n" in said
    summary = orjson.loads(files["summary.json"])
    assert (summary["requests"], summary["without_record"]) == (3, {"erased": 1})
    (recipient,) = summary["recipients"]
    assert (recipient["requests"], recipient["sandbox"]) == (2, True)
    assert recipient["jurisdiction"]
    empty = files_in((await account.by(account.auditor, "GET", "/api/custody/export?to=2026-01-02")).body)
    assert [name for name in empty if name.startswith("receipts/")] == []
    other = await account.by(account.owner, "GET", "/api/custody/export?tenant=t_other")
    assert other.status == 404
