"""`ni dead-letter`: messages that a reader could not read and put aside; listed, and put back once that is mended."""

import argparse
import asyncio
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace

import orjson

from cli.gateway import table
from cli.reconcile import broker_settings
from cli.status import state_option, typed
from libs.bus.base import Bus, Stored
from libs.bus.nats import connect
from libs.contracts.errors import BusUnavailable, NorthernError, Overloaded
from libs.contracts.subjects import DLQ, EVENTS
from libs.embedded.state import State
from libs.projection.letters import Letter, Mark, mark_subject, read, replay_id
from libs.runtime.settings import Settings

NAME = "dead-letter"
HELP = """\
List the messages that a reader of a stream could not read and put aside, or put them back at the end of EVENTS, each
once for all its readers, when what could not read them is mended. Whoever had read one takes no notice the second time.
A request is charged for its end if that comes back within two hours of its beginning; after that it is in no book.
Asks the broker of the running street, or of NI_NATS_URL with NI_NATS_SEED_FILE (the operator's).
Exit code 0: done; 1: some cannot be put back, and why; 3: no broker.

examples:
  ni dead-letter
  ni dead-letter --all --json
  ni dead-letter replay 17 18
  ni dead-letter replay --purpose billing-usage
"""
_LEFT, _SILENT = 1, 3


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", nargs="?", choices=("list", "replay"), default="list", help="(default: %(default)s)")
    parser.add_argument("places", nargs="*", type=int, metavar="PLACE", help="of these alone, as listed")
    parser.add_argument("--purpose", help="of this reader alone, such as billing-usage")
    parser.add_argument("--all", action="store_true", help="list those that were put back, too")
    parser.add_argument("--json", action="store_true", help="print them as JSON")
    state_option(parser)


def run(args: argparse.Namespace) -> int:
    """Ask the broker and print."""
    try:
        settings = broker_settings(State(root=args.state.resolve()))
    except LookupError:
        return _refuse(f"no street runs here and no broker is named; start one ({typed('up')}) or set NI_NATS_URL")
    try:
        return asyncio.run(_done(settings, args))
    except Overloaded:
        return _refuse("the broker does not answer; look at `ni status`")
    except NorthernError as error:
        return _refuse(error.message)


async def letters(bus: Bus) -> list[Letter]:
    """All of them, in the order they were put aside."""
    found = [read(one) for one in await _stored(bus)]
    back = {(mark.stream, mark.seq): mark.again for mark in found if isinstance(mark, Mark)}
    return [replace(one, replayed=back.get((one.stream, one.seq), 0)) for one in found if isinstance(one, Letter)]


async def replay(bus: Bus, wanted: Iterable[Letter]) -> list[str]:
    """Put back those that were not; why some could not be. Again after half of it was done, it does the rest.

    A message that several readers put aside comes back once, for all of them.
    """
    left: list[str] = []
    done: set[tuple[str, int]] = set()
    for letter in wanted:
        if letter.replayed or (letter.stream, letter.seq) in done:
            continue
        done.add((letter.stream, letter.seq))
        if letter.stream != EVENTS:
            left.append(f"{letter.place}: {letter.stream} takes nothing twice; docs/runbooks/books-differ.md says more")
            continue
        data = letter.data if letter.data is not None else await _in_stream(bus, letter)
        if data is None:
            left.append(f"{letter.place}: message {letter.seq} of {letter.stream} is not kept any more")
            continue
        stream, seq, msg_id = letter.stream, letter.seq, replay_id(letter.stream, letter.seq)
        again = await bus.append(letter.subject, data, msg_id=msg_id)
        mark = Mark(stream=stream, seq=seq, again=again)
        await bus.append(mark_subject(stream, seq), mark.serialised(), msg_id=msg_id)
    return left


async def _done(settings: Settings, args: argparse.Namespace) -> int:
    async with connect("operator", settings) as bus:
        found = [one for one in await letters(bus) if args.purpose in (None, one.purpose)]
        if args.places:
            missing = sorted(set(args.places) - {one.place for one in found})
            if missing:
                return _refuse(f"there is no dead letter {missing[0]}; `ni dead-letter --all` lists them", _LEFT)
            found = [one for one in found if one.place in args.places]
        if args.what == "list":
            _print(args, [one for one in found if args.all or not one.replayed])
            return 0
        due = len({(one.stream, one.seq) for one in found if not one.replayed})
        left = await replay(bus, found)
    for sentence in left:
        _refuse(sentence)
    print(f"messages put back: {due - len(left)}; left: {len(left)}")
    return _LEFT if left else 0


def _print(args: argparse.Namespace, found: Sequence[Letter]) -> None:
    if args.json:
        told = orjson.dumps([one.shown() for one in found], option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        sys.stdout.buffer.write(told)
        return
    columns = ("place", "purpose", "stream", "seq", "subject", "why", "replayed")
    rows = [tuple("" if one[name] is None else str(one[name]) for name in columns) for one in map(Letter.shown, found)]
    print(table(columns, rows) if rows else "no dead letters")


async def _stored(bus: Bus) -> list[Stored]:
    end, found = (await bus.held(DLQ)).last, list[Stored]()
    if not end:
        return found
    async for batch in bus.follow(DLQ):
        found += batch
        if found and found[-1].seq >= end:
            return found
    raise BusUnavailable("the connection ended while the dead letters were read")


async def _in_stream(bus: Bus, letter: Letter) -> bytes | None:
    if letter.seq < (await bus.held(letter.stream)).first:
        return None
    async for batch in bus.follow(letter.stream, after=letter.seq - 1):
        for message in batch:
            return message.data if message.seq == letter.seq else None
    raise BusUnavailable("the connection ended while the message was read")


def _refuse(sentence: str, code: int = _SILENT) -> int:
    print(f"ni {NAME}: {sentence}", file=sys.stderr)
    return code
