"""`ni keys`, `ni tenants` and `ni users` as they are typed, against an edge with accounts behind it."""

import asyncio
import re
import shlex
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.web_request import BaseRequest

from cli.__main__ import main
from libs.auth.envelopes import open_credential, read_ring
from libs.auth.records import ByokRecord, Role, UserRecord, user_key
from libs.auth.rights import Right
from libs.bus.responder import answer
from libs.contracts.subjects import query
from services.ingress.handlers import Handlers
from tests.integration.ingress.edge import KEY, edge
from tests.unit.accounts.rig import Rig, passwords, rig

PASSWORD = "right, and long enough"
CREDENTIAL = {"api_key": "canary-0123456789abcdef"}


@dataclass
class Shell:
    """A state folder as `ni up` leaves it, and its gateway."""

    rig: Rig
    state: Path
    capsys: pytest.CaptureFixture[str]

    async def ni(self, *words: str, code: int = 0) -> str:
        """What a command prints; where it fails, what it says of that."""
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            await asyncio.to_thread(main, [*words, "--state", str(self.state)])
        said = self.capsys.readouterr()
        lines = [line for line in said.out.splitlines() if not line.startswith("20")]  # the service's own log
        assert ended.value.code == code, said.err
        return said.err if code else "\n".join(lines).strip()

    async def json(self, *words: str) -> Any:
        return orjson.loads(await self.ni(*words, "--json"))


@pytest.fixture
async def shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Shell]:
    for name in ("NI_API_KEY", "NI_URL", "NI_EMAIL", "NI_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    async with edge() as opened, rig(secrets, opened.bus) as made:
        made.now_s = time.time()
        admin = UserRecord(
            id="u_me",
            email="admin@x.y",
            role=Role.PLATFORM_ADMIN,
            tenant="t_one",
            password_hash=passwords().hash(PASSWORD),
            created=made.now(),
        )
        await opened.bus.put("users", user_key(admin.email), admin.to_bytes())
        accounts = made.accounts
        verbs = {**made.verbs, "sign_in": accounts.sign_in, "session": accounts.session, "password": accounts.password}
        for verb, respond in verbs.items():
            await answer(opened.bus, query("accounts", verb), "accounts", respond)
        written = {
            "base_url": f"http://127.0.0.1:{opened.port}",
            "api_key": KEY,
            "admin_email": admin.email,
            "admin_password": PASSWORD,
        }
        (tmp_path / "bootstrap.json").write_bytes(orjson.dumps(written))
        yield Shell(made, tmp_path, capsys)


async def test_a_key_is_made_listed_rotated_and_revoked(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    told = await shell.ni("keys", "create", "Build", "--tier", "self_hosted", "--residency", "CA", "--rpm", "5")
    raw = told.splitlines()[0]
    assert re.fullmatch(r"ni_live_[0-9A-Za-z]{38}", raw)
    (made,) = (key for key in await shell.json("keys", "list") if key["name"] == "Build")
    assert (made["allowed_tiers"], made["residency"], made["rate_limits"]["rpm"]) == (["self_hosted"], ["CA"], 5)
    listed = await shell.ni("keys", "list")
    assert f"ni_live_…{raw[-4:]}" in listed
    assert raw not in listed
    turned = await shell.ni("keys", "rotate", made["id"], "--overlap", "60")
    assert f"ends in {raw[-4:]} is good until" in turned
    assert "for good" in await shell.ni("keys", "revoke", made["id"])
    assert made["id"] not in await shell.ni("keys", "list")
    assert "revoked" in await shell.ni("keys", "list", "--all")
    inference = await shell.json("keys", "create", "Cursor", "--inference", "--model", "Qwen/Qwen3-14B")
    assert inference["key"].startswith("inf_")
    monkeypatch.setenv("NI_API_KEY", inference["key"])
    assert {key["name"] for key in await shell.json("keys", "list")} == {"one", "Cursor"}


async def test_what_the_gateway_refuses_is_said_in_its_own_words(shell: Shell) -> None:
    assert "allowed_tiers" in await shell.ni("keys", "create", "x", "--tier", "gold", code=1)
    assert "no such key" in await shell.ni("keys", "revoke", "k_nobodys", code=1)
    assert "cannot be reached" in await shell.ni("keys", "list", "--url", "http://127.0.0.1:9", code=3)


async def test_an_account_is_made_deactivated_and_activated(shell: Shell) -> None:
    made = await shell.json("tenants", "create", "Maple", "--residency", "CA", "--time-zone", "America/Toronto")
    assert made["api_key"].startswith("ni_live_")
    assert "is deactivated" in await shell.ni("tenants", "deactivate", made["id"])
    assert "is active" in await shell.ni("tenants", "activate", made["id"])
    listed = await shell.ni("tenants", "list")
    assert made["id"] in listed
    assert "America/Toronto" in listed
    assert made["api_key"] not in listed


async def test_a_user_is_invited_and_again_and_deactivated(shell: Shell) -> None:
    first = await shell.ni("users", "invite", "Ann@maple.ca", "--role", "auditor", "--name", "Ann")
    again = await shell.json("users", "invite", "ann@maple.ca")
    assert again["token"].startswith("nii_")
    assert again["token"] not in first
    told = await shell.ni("users", "invite", "ann@maple.ca", "--role", "owner", code=1)
    assert "exists, with another role" in told
    (user,) = (one for one in await shell.json("users", "list") if one["email"] == "ann@maple.ca")
    assert (user["role"], user["status"], user["name"]) == ("auditor", "invited", "Ann")
    assert "is deactivated" in await shell.ni("users", "deactivate", user["id"])


async def test_while_there_is_no_portal_an_invitation_is_a_command_that_works_as_it_is_printed(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = await shell.ni("users", "invite", "ann@maple.ca", "--role", "auditor")
    assert "/portal/" not in told
    (line,) = [line for line in told.splitlines() if line.startswith("curl ")]
    command, body = shlex.split(line), orjson.loads(shlex.split(line)[-1])
    assert command[1] == "http://ni.example/api/session/password"
    command[1] = orjson.loads((shell.state / "bootstrap.json").read_bytes())["base_url"] + "/api/session/password"
    command[-1] = command[-1].replace(body["password"], "chosen by ann herself")
    ran = await asyncio.create_subprocess_exec(*command, "-s", "--fail", stdout=PIPE, stderr=DEVNULL)
    out, _ = await ran.communicate()
    assert (ran.returncode, orjson.loads(out)["user"]["email"]) == (0, "ann@maple.ca")
    monkeypatch.setenv("NI_PASSWORD", "chosen by ann herself")
    assert "one" in await shell.ni("keys", "list", "--email", "ann@maple.ca")


async def test_where_a_portal_answers_an_invitation_is_its_link(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    about = Handlers._about

    def with_portal(self: Handlers, request: BaseRequest, path: str) -> web.Response:
        return web.Response(text="portal") if path == "/portal/" else about(self, request, path)

    monkeypatch.setattr(Handlers, "_about", with_portal)
    told = await shell.ni("users", "invite", "ann@maple.ca")
    assert told.startswith("http://ni.example/portal/invite#nii_")
    assert "curl" not in told


async def test_the_key_encryption_key_turns_while_the_street_runs_and_the_old_one_goes(shell: Shell) -> None:
    owner = shell.rig.session(Role.OWNER)
    await shell.rig.ask(Right.BYOK_PUT, owner, CREDENTIAL, id="openai")
    before = read_ring(shell.rig.kek_file.read_bytes())
    assert "1 credentials were wrapped anew" in await shell.ni("keys", "rotate-kek")
    assert shell.rig.kek_file.stat().st_mode & 0o777 == 0o400
    both = read_ring(shell.rig.kek_file.read_bytes())
    assert set(both.keys) > set(before.keys)
    assert "0 credentials" in await shell.ni("keys", "rotate-kek", "--retire")
    alone = read_ring(shell.rig.kek_file.read_bytes())
    assert (alone.current, len(alone.keys)) == (both.current, 1)
    entry = await shell.rig.bus.get("byok", "t_a.openai")
    assert entry is not None
    assert open_credential(alone, ByokRecord.from_bytes(entry.value)) == CREDENTIAL


async def test_no_key_is_dropped_that_something_still_needs(shell: Shell) -> None:
    await shell.rig.ask(Right.BYOK_PUT, shell.rig.session(Role.OWNER), CREDENTIAL, id="openai")
    shell.rig.kek_file.chmod(0o600)
    shell.rig.kek_file.write_bytes(b"kek-b " + b"1" * 64 + b"\nkek-c " + b"2" * 64)
    assert "do not open" in await shell.ni("keys", "rotate-kek", "--retire", code=1)
    assert len(read_ring(shell.rig.kek_file.read_bytes()).keys) == 2


async def test_a_file_that_accounts_does_not_read_is_noticed(shell: Shell) -> None:
    other = shell.state / "other-kek"
    other.write_bytes(b"kek-z " + b"3" * 64)
    assert "another file" in await shell.ni("keys", "rotate-kek", "--kek-file", str(other), code=1)
