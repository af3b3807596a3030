"""The `ni` command: finds the verb, hands over; one file a verb."""

import argparse
import errno
import importlib
import io
import os
import select
import signal
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn, Protocol, cast

# Verb, its file, what it does: known without importing anything, so that help is immediate.
VERBS = (
    ("up", "cli.up", "start the whole street on this machine"),
    ("status", "cli.status", "what runs, on which port, ready or not"),
    ("down", "cli.down", "stop the street that runs on this state folder"),
    ("keys", "cli.keys", "API keys: list, create, rotate, revoke; rotate the key of stored credentials"),
    ("tenants", "cli.tenants", "accounts: list, create, deactivate"),
    ("users", "cli.users", "people: list, invite, deactivate"),
    ("migrate", "cli.migrate", "bring the store's tables up to date"),
    ("provision", "cli.provision", "make the broker's streams and buckets what they must be"),
    ("catalog", "cli.catalog.verb", "models, prices and routes: import, sync with the providers, check"),
    ("credits", "cli.credits", "an account's balance, credit given to it, what moved it"),
    ("alerts", "cli.alerts", "what the deployment's own alerts are signed with"),
    ("usage", "cli.usage", "an account's request log: as a table, as sums, as CSV"),
    ("pii", "cli.pii", "personal data: what would be substituted in a file"),
    ("router", "cli.router", "what another table of abilities or classifier would have chosen"),
    ("custody", "cli.custody.verb", "records and receipts of requests; verify one offline; watch the log"),
    ("witness", "cli.witness.verb", "cosign other people's logs, so that they show everybody the same"),
    ("reconcile", "cli.reconcile", "compare every book of the same money, to the last entry"),
    ("dead-letter", "cli.dead_letters", "messages that nobody could read: list them, put them back"),
    ("nats-users", "cli.nats_users", "make nkeys and the broker's list of users for a cluster"),
)

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

ABOUT = """\
Northern Inference: one base URL that speaks OpenAI's and Anthropic's APIs, and shows where each prompt went.

verbs:
{verbs}

a first example:
  ni up                     the gateway at http://127.0.0.1:8080, with a key and a curl to paste
  ni status                 in another terminal
  ni VERB --help            what a verb does, its options and examples
"""


class Verb(Protocol):
    """What a file of a verb exposes."""

    NAME: str
    HELP: str  # first a sentence, then examples
    configure: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> None:
    """Run one verb and end with its exit code."""
    _open_what_is_closed()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # for terminals that have fewer letters than we write
    try:
        try:
            _run(list(sys.argv[1:] if argv is None else argv))
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:  # Ctrl-C before, or without, anything to be stopped in order
        raise SystemExit(128 + signal.SIGINT) from None
    except OSError as error:
        if isinstance(error, BrokenPipeError) and _nobody_reads():
            code = 128 + signal.SIGPIPE
        elif error.errno in _NO_ROOM:
            print(f"ni: not everything could be written: {error.strerror}", file=sys.stderr)
            code = os.EX_IOERR
        else:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is still to be flushed
        raise SystemExit(code) from None


def _open_what_is_closed() -> None:
    """Streams that were closed by whoever started us (`>&-`) lead nowhere: no file of ours may take their numbers."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


def _nobody_reads() -> bool:
    """Whether standard output is a pipe whose reader has seen enough: `ni usage | head`."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), select.POLLOUT)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _run(words: Sequence[str]) -> NoReturn:
    listed = "\n".join(f"  {name:<12}{text}" for name, _, text in VERBS)
    about = ABOUT.format(verbs=listed)
    if not words or words[0] in {"-h", "--help", "help"}:
        print(about, end="")
        raise SystemExit(0)
    if words[0] in {"-V", "--version"}:
        print(f"ni {_version()}")
        raise SystemExit(0)
    where = {name: path for name, path, _ in VERBS}.get(words[0])
    if where is None:
        print(f"ni: there is no verb {words[0]!r}\n\n{about}", end="", file=sys.stderr)
        raise SystemExit(2)
    verb = cast(Verb, importlib.import_module(where))
    parser = argparse.ArgumentParser(
        prog=f"ni {verb.NAME}", description=verb.HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verb.configure(parser)
    raise SystemExit(verb.run(parser.parse_args(words[1:])))


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - brings sockets, which no other verb needs

    try:
        return version("northern-inference")
    except PackageNotFoundError:  # an image holds the code without the project
        return "of a folder that is not installed"


if __name__ == "__main__":
    main()
