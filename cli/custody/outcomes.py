"""How verbs about custody end: an exit code for each reason, as in docs/verify/verify.mjs, and what is printed."""

import sys
from typing import Any, Final

import orjson

from libs.tlog.refusals import Reason, Refused

CANNOT: Final = 2  # a file that cannot be read, an option that makes no sense
NOT_REACHED: Final = 3

# Never renumbered: scripts compare them.
EXIT_CODES: Final = {
    Reason.MALFORMED_RECEIPT: 10,
    Reason.MALFORMED_PROOF: 11,
    Reason.MALFORMED_NOTE: 12,
    Reason.MALFORMED_CHECKPOINT: 13,
    Reason.MALFORMED_KEY: 14,
    Reason.MALFORMED_POLICY: 15,
    Reason.MALFORMED_TILE: 16,
    Reason.MALFORMED_PROMISE: 17,
    Reason.UNKNOWN_KEY: 20,
    Reason.BAD_SIGNATURE: 21,
    Reason.WRONG_ORIGIN: 22,
    Reason.QUORUM: 23,
    Reason.NOT_INCLUDED: 30,
    Reason.OTHER_REQUEST: 40,
    Reason.REQUEST_DIFFERS: 41,
    Reason.RESPONSE_DIFFERS: 42,
    Reason.NOT_STATED: 43,
    Reason.ROLLED_BACK: 50,
    Reason.INCONSISTENT: 51,
    Reason.MISSING_TILE: 52,
    Reason.SILENT: 53,
}


class Unusable(Exception):
    """The command cannot be carried out as it was given; a sentence."""


def table() -> str:
    """The exit codes, as help shows them."""
    return "\n".join(f"  {code}  {reason}" for reason, code in EXIT_CODES.items())


def tell_refused(verb: str, refused: Refused, *, as_json: bool) -> int:
    """Say why something is not believed; the exit code."""
    code = EXIT_CODES[refused.reason]
    if as_json:
        tell_json({"ok": False, "reason": refused.reason, "message": refused.message, "exit_code": code})
    else:
        print(f"ni {verb}: {refused.reason}: {printable(refused.message)}", file=sys.stderr)
    return code


def tell_unusable(verb: str, sentence: str) -> int:
    print(f"ni {verb}: {printable(sentence)}", file=sys.stderr)
    return CANNOT


def tell_json(said: dict[str, Any]) -> None:
    sys.stdout.buffer.write(orjson.dumps(said, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()


def printable(text: str) -> str:
    """What others wrote, without what a terminal would obey."""
    return "".join(character if character.isprintable() else "�" for character in text)
