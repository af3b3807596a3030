"""`ni up`: the whole street on this machine, until Ctrl-C."""

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import orjson

from cli.status import state_option, typed
from libs.embedded.logs import Console
from libs.embedded.probe import OK, get, until_ready
from libs.embedded.programs import from_anywhere
from libs.embedded.state import AlreadyRuns, read_json, write_atomically
from libs.embedded.street import Opened, StreetSettings, describe, opened, usable
from libs.embedded.supervisor import BadConfiguration, Child, Supervisor, allow_many_files
from libs.runtime.settings import EX_CONFIG, read

NAME = "up"
HELP = """\
Start the whole street on this machine: broker, store, every service, and a sandbox in place of the providers unless a
provider's credential is set. Prints the address, a key and a curl to paste; Ctrl-C stops all in order, a second Ctrl-C
at once. State survives.

environment:
  NI_STATE               where everything is kept                (.state)
  NI_PORT, NI_HOST       the public address                      (8080, 127.0.0.1)
  NI_SANDBOX             1: the sandbox even beside credentials; 0: never
  NI_INGRESS_PROCESSES   processes that share the public port    (1)
  NI_LOG                 text | json: what the console shows     (text); files under $NI_STATE/logs hold every line
  OPENAI_API_KEY, AWS_…  the vendors' own variables reach the workers that need them, and nothing else
  all others             docs/settings.md

examples:
  ni up
  NI_PORT=9000 NI_STATE=/tmp/second ni up
  OPENAI_API_KEY=… ni up
"""
_LATE_S = 15.0
_KNOWN_S = 2.0  # by then the edge has seen a key that has just been made; one that was revoked it never lets in


def configure(parser: argparse.ArgumentParser) -> None:
    state_option(parser)


def run(args: argparse.Namespace) -> int:
    """Until stopped: 0; something already runs here: 0; it cannot run like this: 78."""
    environ = {**from_anywhere(os.environ, Path.cwd()), "NI_STATE": str(args.state.resolve())}
    settings = read(StreetSettings, environ)
    allow_many_files()
    try:
        with opened(settings, environ) as street:
            return asyncio.run(_supervise(street, raw=settings.log == "json"))
    except AlreadyRuns as running:
        print(f"a street already runs on {args.state}: {running.url} (pid {running.pid})")
        second = f"NI_STATE=.state2 NI_PORT=8090 {typed('up')}"
        print(f"see it: {typed('status')} · stop it: {typed('down')} · a second one: {second}")
        return 0


async def _supervise(street: Opened, *, raw: bool) -> int:
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    console = Console(sys.stdout.fileno(), colour=colour, raw=raw)
    note = Note(street=street, console=console)
    with usable(street.state):
        supervisor = Supervisor(
            street.programs,
            console=console,
            logs=street.state.logs,
            colour=colour,
            listen_fd=street.listen_fd,
            lock_fd=street.lock_fd,
            changed=lambda: note.write(supervisor.children),
        )
    stop = asyncio.Event()

    def asked() -> None:
        if stop.is_set():
            console.say("killing everything")
            supervisor.kill()
        else:
            console.say("stopping in order: the edge first, so that running requests end (again: at once)")
            stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, asked)
    console.say(f"starting {len(street.programs)} programs; state in {street.state.root}")
    greeting = asyncio.create_task(_greet(street, supervisor, console))
    try:
        await supervisor.run(stop)
    except BadConfiguration as error:
        console.say(str(error))
        return EX_CONFIG
    finally:
        greeting.cancel()
        console.say("stopped; state is kept")
        with suppress(OSError):
            street.state.running.unlink(missing_ok=True)
    return 0


@dataclass(kw_only=True)
class Note:
    """`ports.json`, written at every change. A disk that is full ends nothing: it is said once, and tried again."""

    street: Opened
    console: Console
    behind: bool = False

    def write(self, children: Mapping[str, Child]) -> None:
        path = self.street.state.running
        try:
            write_atomically(path, describe(self.street, children))
        except OSError as error:
            if not self.behind:
                self.console.say(f"{path} cannot be written ({error.strerror}): `ni status` shows what was before")
            self.behind = True
        else:
            self.behind = False


async def _greet(street: Opened, supervisor: Supervisor, console: Console) -> None:
    """The summary: once everything is up, or once edge and accounts are while others are late (they are named)."""
    began = time.monotonic()
    ups = [asyncio.create_task(child.up.wait()) for child in supervisor.children.values()]
    try:
        while True:
            await asyncio.wait(ups, timeout=_LATE_S)
            late = [name for name, child in supervisor.children.items() if not child.up.is_set()]
            if late:
                seconds = time.monotonic() - began
                console.say(f"not ready after {seconds:.0f} s: {', '.join(late)} (why: {street.state.logs})")
            # Once accounts is up, bootstrap.json is there and its key in the buckets.
            if not late or ("accounts" not in late and (await get(f"{street.url}/readyz"))[0] == OK):
                break
        await until_ready(f"{street.url}/readyz")
        console.print(await summary(street, console, time.monotonic() - began))
    finally:
        for up in ups:
            up.cancel()


async def summary(street: Opened, console: Console, seconds: float) -> str:
    """What a person needs now: address, key, a request that works when pasted, and how to stop."""
    first = read_json(street.state.bootstrap)
    key = str(first.get("api_key", ""))
    body = orjson.dumps(
        {"model": await _model(street.url, key), "messages": [{"role": "user", "content": "Hello"}]}
    ).decode()
    providers = "the sandbox answers" if street.sandbox else "real providers answer"
    lines = [
        "",
        console.bold(f"  Northern Inference is up ({seconds:.1f} s)"),
        "",
        f"  gateway    {street.url}   (OpenAI: {street.url}/v1)",
        f"  API key    {key}",
        f"  providers  {providers}: {street.sandbox_reason}",
        f"  state      {street.state.root}   logs in logs/, ports in ports.json",
        "",
        f"  curl {street.url}/v1/chat/completions -i \\",
        f"    -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \\",
        f"    -d '{body}'",
        "",
        f"  stop with Ctrl-C (or: {typed('down')})",
        "",
    ]
    if (await get(f"{street.url}/portal/"))[0] == OK:
        lines.insert(4, f"  portal     {street.url}/portal/")
        if first.get("admin_email"):
            lines.insert(5, f"  sign in    {first['admin_email']} / {first.get('admin_password', '')}")
    return "\n".join(lines)


async def _model(url: str, key: str) -> str:
    """A model this key may call and that is ready, one with a Canadian endpoint if there is any."""
    deadline = time.monotonic() + _KNOWN_S
    while True:
        status, body = await get(f"{url}/v1/models", bearer=key)
        if status == OK or time.monotonic() > deadline:
            break
        await asyncio.sleep(0.05)
    ids = [str(one["id"]) for one in orjson.loads(body).get("data", [])] if status == OK else []
    for one in sorted(ids, key=lambda name: not name.endswith("-ca")):
        status, body = await get(f"{url}/api/v1/inference/models/{one}/health")
        if status == OK and orjson.loads(body)["status"] == "ready":
            return one
    return "Qwen/Qwen3-14B"
