"""`ni custody monitor`: keeps the last checkpoint of a log that it believed, and holds the next ones against it."""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import orjson

from cli.custody.following import begun, followed, nothing
from cli.custody.log import Folder, NotReached, Site, Source, checkpoint, tile
from cli.custody.outcomes import NOT_REACHED, Unusable, table, tell_json, tell_refused, tell_unusable
from cli.custody.trust import options, trusted
from libs.tlog.checkpoint import Checkpoint
from libs.tlog.note import encoded
from libs.tlog.policy import Policy
from libs.tlog.refusals import Reason, Refused
from libs.tlog.tiles import Tile

HELP = f"""\
Follow a log from another machine than its own: that each checkpoint is signed as the policy asks and continues the last
one seen, that the tiles and every entry added since are of the tree that was signed. The log is an address (without a
path: a gateway's) or a folder. The state file keeps what was seen last; where two checkpoints contradict each other,
both are kept beside it, a line in FILE.evidence, which anybody can check.
It ends where the log cannot be believed. Silence is told, and waited out; with --once it ends by that name too.
Behind an address there may be several replicas, one behind another: a checkpoint smaller than the one seen, or a tile
that is not there, is asked for again for --behind seconds before it is told; another history is told at once.

exit codes: 0: consistent; 3: not reached (and not yet for too long); else
{table()}

examples:
  ni custody monitor https://gateway.example --policy policy.txt --state seen.json
  ni custody monitor https://gateway.example --key "$(cat log.vkey)" --state seen.json --once     for cron
  ni custody monitor ./copy-of-the-log --key "$(cat log.vkey)" --state /tmp/fresh.json --once --whole
"""
_VERB: Final = "custody monitor"
_TIMEOUT: Final = aiohttp.ClientTimeout(total=30)
_AGAIN_S: Final = 1.0
_BEHIND: Final = frozenset({Reason.ROLLED_BACK, Reason.MISSING_TILE})  # what a replica that is behind looks like, too


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What the state file holds: the last note that was believed (none yet: empty), and Unix times."""

    note: str = ""
    grown_at: float  # when the note was first seen
    heard_at: float  # when the log last answered

    @classmethod
    def read(cls, path: Path, now: float) -> "Kept":
        """Raises Unusable where the file is something else: to begin anew would forget what was seen."""
        try:
            said = orjson.loads(path.read_bytes())
        except FileNotFoundError:
            return cls(grown_at=now, heard_at=now)
        except ValueError:
            said = None
        match said:
            case {"note": str(note), "grown_at": int() | float() as grown, "heard_at": int() | float() as heard}:
                return cls(note=note, grown_at=grown, heard_at=heard)
        raise Unusable(f"{path}: not the state of a monitor; move it away to begin anew")

    def head(self, policy: Policy, path: Path) -> Checkpoint | None:
        """The checkpoint that was seen; None where there was none yet. Raises Unusable, by the state's own name."""
        try:
            return policy.open(self.note)[0] if self.note else None
        except Refused as refused:
            why = f"what was seen last is not believed ({refused.reason}: {refused.message})"
            raise Unusable(f"{path}: {why}; is the policy another than it was?") from None

    def write(self, path: Path) -> None:
        _replace(path, {"v": 1, "note": self.note, "grown_at": self.grown_at, "heard_at": self.heard_at})


@dataclass(frozen=True, kw_only=True)
class Monitor:
    """One log and what is kept of it. `now`: Unix seconds."""

    source: Source
    policy: Policy
    state: Path
    whole: bool
    silent_after_s: float
    grows_within_s: float  # 0: it need not
    behind_s: float  # how long a replica may be behind another
    now: Callable[[], float] = time.time

    async def look(self) -> tuple[Checkpoint, int]:
        """The log's head now, and the size seen before. Raises Refused, NotReached, Unusable, OSError."""
        kept = Kept.read(self.state, self.now())
        old = kept.head(self.policy, self.state)
        try:
            note, head = await self._believed(kept, old)
        except NotReached as missed:
            self._silence(kept, missed)
            raise
        grown = old is None or head.size > old.size
        now = self.now()
        kept = Kept(note=note, grown_at=now, heard_at=now) if grown else replace(kept, heard_at=now)
        kept.write(self.state)
        if self.grows_within_s and self.now() - kept.grown_at > self.grows_within_s:
            raise Refused(Reason.SILENT, f"the log has not grown for {self.now() - kept.grown_at:.0f} s")
        return head, old.size if old else 0

    async def _believed(self, kept: Kept, old: Checkpoint | None) -> tuple[str, Checkpoint]:
        """What is shown now, once it continues `old`: of replicas one may be behind another for a while."""
        until = self.now() + self.behind_s
        while True:
            note = await checkpoint(self.source)
            head, _ = self.policy.open(note)
            try:
                await self._compare(old, head)
            except Refused as refused:
                if refused.reason not in _BEHIND or self.now() >= until:
                    _add(self.state.with_name(f"{self.state.name}.evidence"), {"seen": kept.note, "shown": note})
                    raise
            else:
                return note, head
            await asyncio.sleep(_AGAIN_S)

    async def _compare(self, old: Checkpoint | None, head: Checkpoint) -> None:
        if old is not None and old.origin != head.origin:
            raise Refused(Reason.WRONG_ORIGIN, f"the log that was seen is {old.origin}, this is {head.origin}")
        if old is not None:
            await followed(old, head, self._tile)
        elif not self.whole:
            await begun(head, self._tile)
        if self.whole:
            await followed(nothing(head.origin), head, self._tile)

    async def _tile(self, wanted: Tile) -> bytes:
        return await tile(self.source, wanted)

    def _silence(self, kept: Kept, missed: NotReached) -> None:
        if not self.state.exists():
            kept.write(self.state)  # silence counts from the first look
        silent_s = self.now() - kept.heard_at
        if silent_s > self.silent_after_s:
            raise Refused(Reason.SILENT, f"nothing was heard of the log for {silent_s:.0f} s: {missed}")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("log", metavar="URL", help="the log's address, or its folder")
    options(parser)
    parser.add_argument("--state", type=Path, required=True, metavar="FILE", help="what was seen last; made if missing")
    parser.add_argument("--once", action="store_true", help="one look, then end by an exit code")
    parser.add_argument("--whole", action="store_true", help="read every entry and every tile, not only those added")
    parser.add_argument("--every", type=float, default=10.0, metavar="S", help="seconds between looks (%(default)s)")
    parser.add_argument(
        "--silent-after", type=float, default=300.0, metavar="S", help="seconds without an answer (%(default)s)"
    )
    parser.add_argument(
        "--grows-within", type=float, default=0.0, metavar="S", help="seconds in which it has to grow (0: it need not)"
    )
    parser.add_argument(
        "--behind", type=float, default=60.0, metavar="S", help="seconds that a replica may be behind (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="a line of JSON for each look that shows something new")


def run(args: argparse.Namespace) -> int:
    """Look once, or until the log cannot be believed."""
    try:
        policy, _ = trusted(args)
        return asyncio.run(_watched(args, policy))
    except Refused as refused:
        return tell_refused(_VERB, refused, as_json=args.json)
    except (OSError, Unusable) as error:
        return tell_unusable(_VERB, str(error))
    except KeyboardInterrupt:
        return 0


async def _watched(args: argparse.Namespace, policy: Policy) -> int:
    async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
        local = "://" not in args.log
        monitor = Monitor(
            source=_folder(args.log) if local else _site(session, args.log),
            policy=policy,
            state=args.state,
            whole=args.whole,
            silent_after_s=args.silent_after,
            grows_within_s=args.grows_within,
            behind_s=0.0 if local else args.behind,
        )
        told = -1
        while True:
            told, code = await _look(monitor, args, told)
            if args.once:
                return code
            await asyncio.sleep(args.every)


def _folder(path: str) -> Folder:
    if not Path(path).is_dir():
        raise Unusable(f"{path}: no such folder; an address begins with https:// or http://")
    return Folder(Path(path))


def _site(session: aiohttp.ClientSession, url: str) -> Site:
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Unusable(f"{url}: a log's address is written https://gateway.example")
    return Site(session, url)


async def _look(monitor: Monitor, args: argparse.Namespace, told: int) -> tuple[int, int]:
    try:
        head, before = await monitor.look()
    except NotReached as missed:
        print(f"ni {_VERB}: {missed}", file=sys.stderr)
        return told, NOT_REACHED
    except Refused as refused:
        if refused.reason is not Reason.SILENT or args.once:
            raise
        return told, tell_refused(_VERB, refused, as_json=args.json)
    if head.size != told:
        if args.json:
            tell_json(
                {"ok": True, "origin": head.origin, "size": head.size, "before": before, "root": encoded(head.root)}
            )
        else:
            print(f"{head.origin}: {head.size} entries, consistent with the {before} seen before", flush=True)
    return head.size, 0


def _replace(path: Path, said: dict[str, object]) -> None:
    """Whole, or as it was."""
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("wb") as file:
        file.write(orjson.dumps(said, option=orjson.OPT_APPEND_NEWLINE))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _add(path: Path, said: dict[str, object]) -> None:
    """One line more, where it is not there already: nothing that was found before is lost by it."""
    line = orjson.dumps(said, option=orjson.OPT_APPEND_NEWLINE)
    with path.open("a+b") as file:
        file.seek(0)
        if line in file:
            return
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
