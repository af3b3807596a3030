"""Every way in which somebody may tamper with a receipt, with the files it is of, or with a log; and its name."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from libs.tlog.note import parts
from libs.tlog.refusals import Reason
from tests.unit.tlog.logs import Key, Log
from tests.unit.tlog.sealed import LATE, MINE, OTHERS, SEEN, SIZE, SealedLog, hop

ID = f"{MINE:016x}"
Tamper = Callable[[SealedLog, Path], object]


@dataclass(frozen=True, kw_only=True)
class Case:
    """`of_log`: the log is verified, not the receipt."""

    name: str
    reason: Reason
    tamper: Tamper
    of_log: bool = False


def flipped(raw: bytes, at: int, bit: int = 0) -> bytes:
    return raw[:at] + bytes([raw[at] ^ 1 << bit]) + raw[at + 1 :]


def _flip(file: str, at: int | Callable[[bytes], int]) -> Tamper:
    def tamper(_: SealedLog, root: Path) -> None:
        raw = (root / file).read_bytes()
        (root / file).write_bytes(flipped(raw, at if isinstance(at, int) else at(raw)))

    return tamper


def _receipt(make: Callable[[SealedLog], bytes]) -> Tamper:
    return lambda sealed, root: (root / "receipt").write_bytes(make(sealed))


def _replaced(old: str, new: str) -> Tamper:
    def tamper(_: SealedLog, root: Path) -> None:
        text = (root / "receipt").read_text()
        assert old in text
        (root / "receipt").write_text(text.replace(old, new, 1))

    return tamper


def _swapped_hashes(raw: bytes) -> bytes:
    lines = raw.split(b"\n")
    lines[3], lines[4] = lines[4], lines[3]
    return b"\n".join(lines)


def _changed_hash(raw: bytes) -> bytes:
    lines = raw.split(b"\n")
    lines[3] = base64.b64encode(flipped(base64.b64decode(lines[3]), 7))
    return b"\n".join(lines)


def _with_path_of(sealed: SealedLog, other: int) -> bytes:
    mine, theirs = sealed.receipt(MINE).split(b"\n", 2), sealed.receipt(other).split(b"\n", 2)
    return b"\n".join((*mine[:2], theirs[2]))


def _by_another_key(sealed: SealedLog) -> bytes:
    text = sealed.log.head().text
    other = Key(sealed.log.key.name)
    own = sealed.log.note()
    return sealed.receipt(MINE, witnesses=False).replace(own.encode(), f"{text}\n{other.line(text)}".encode())


def _of_another_log(sealed: SealedLog) -> bytes:
    """One that has the same leaves under another name, signed by its own key."""
    other = SealedLog(log=Log(key=Key("log.example/other")), witnesses=sealed.witnesses, sealed=sealed.sealed)
    for entry in sealed.log.entries:
        other.log.append(entry)
    return other.receipt(MINE)


def _wrong_origin(sealed: SealedLog) -> bytes:
    """The log's key under another origin: a key that signs for two."""
    own = sealed.log.note(None, *sealed.witnesses)
    text = own.split("\n\n")[0].replace("log.example", "other.example") + "\n"
    lines = "".join(each.line(text, 1_700_000_000) for each in sealed.witnesses)
    return sealed.receipt(MINE).replace(own.encode(), f"{text}\n{sealed.log.key.line(text)}{lines}".encode())


def _stripped(sealed: SealedLog) -> bytes:
    return b"".join(line for line in sealed.receipt(MINE).splitlines(True) if b"witness.example/w2" not in line)


def _cosignature_changed(sealed: SealedLog) -> bytes:
    text, last = sealed.receipt(MINE).rstrip(b"\n").rsplit(b" ", 1)
    return text + b" " + base64.b64encode(flipped(base64.b64decode(last), 30)) + b"\n"


def _respelt(sealed: SealedLog) -> bytes:
    """The same record with a space in it: the same to a reader of JSON, not what was committed to."""
    return sealed.receipt(MINE, record=sealed.sealed[MINE][1].replace(b'"v":1', b'"v": 1'))


def _no_hash(sealed: SealedLog) -> bytes:
    """A record that never had one, truly on a log by the same key."""
    return sealed.anew(sealed.sealed[MINE][0], b'{"request_id":"%b","v":1}' % ID.encode())


def _stating(change: Callable[[dict[str, Any]], object]) -> Tamper:
    """What a worker stated, changed before it was sealed: the log is the operator's, the worker's key is not."""

    def make(sealed: SealedLog) -> bytes:
        salt, text = sealed.sealed[MINE]
        said = orjson.loads(text)
        change(said["hops"][1])
        return sealed.anew(salt, orjson.dumps(said, option=orjson.OPT_SORT_KEYS))

    return _receipt(make)


def _swapped_leaves(_: SealedLog, root: Path) -> None:
    path = root / "log" / "tile/entries/000"
    raw = path.read_bytes()
    path.write_bytes(raw[34:68] + raw[:34] + raw[68:])


def _swapped_everywhere(sealed: SealedLog, root: Path) -> None:
    """Leaves and their hashes, of a part that was seen: the tiles agree with one another, not with what was signed."""
    forged = SealedLog(log=Log(key=sealed.log.key), witnesses=sealed.witnesses, sealed=sealed.sealed)
    entries = [*sealed.log.entries]
    entries[3], entries[4] = entries[4], entries[3]
    for entry in entries:
        forged.log.append(entry)
    note = (root / "log" / "checkpoint").read_text()
    forged.write(root)
    (root / "log" / "checkpoint").write_text(note)
    (root / "seen").write_text(sealed.log.note(SEEN, *sealed.witnesses))


def _late_leaf_elsewhere(sealed: SealedLog, root: Path) -> None:
    """One that nobody has seen yet, in every file that has it: all agree, but not with the checkpoint."""
    kept = {name: (root / name).read_text() for name in ("log/checkpoint", "seen")}
    forged = SealedLog(log=Log(key=sealed.log.key), witnesses=sealed.witnesses, sealed=sealed.sealed)
    for index, entry in enumerate(sealed.log.entries):
        forged.log.append(entry if index != LATE else bytes(32))
    forged.write(root)
    for name, text in kept.items():
        (root / name).write_text(text)


def _rewritten(sealed: SealedLog, root: Path) -> None:
    """The operator's own forgery: another history, signed by the log's own key, cosigned by nobody but friends."""
    forged = SealedLog(log=Log(key=sealed.log.key), witnesses=sealed.witnesses, sealed=sealed.sealed)
    for index, entry in enumerate(sealed.log.entries):
        forged.log.append(entry if index != MINE else bytes(32))
    seen = (root / "seen").read_text()
    forged.write(root)
    (root / "seen").write_text(seen)


def _another_of_this_size(sealed: SealedLog, root: Path) -> None:
    _rewritten(sealed, root)
    (root / "seen").write_text(sealed.log.note(SIZE, *sealed.witnesses))


def _rolled_back(sealed: SealedLog, root: Path) -> None:
    (root / "seen").write_text((root / "log" / "checkpoint").read_text())
    (root / "log" / "checkpoint").write_text(sealed.log.note(SEEN, *sealed.witnesses))


def _cut(file: str, size: int) -> Tamper:
    def tamper(_: SealedLog, root: Path) -> None:
        path = root / "log" / file
        path.write_bytes(path.read_bytes()[:size])

    return tamper


def _removed(file: str) -> Tamper:
    return lambda _, root: (root / "log" / file).unlink()


def _checkpoint_stripped(_: SealedLog, root: Path) -> None:
    path = root / "log" / "checkpoint"
    text, lines = parts(path.read_text())
    path.write_text(f"{text}\n" + "".join(lines.splitlines(keepends=True)[:-1]))


RECEIPTS = [
    Case(name="a byte of the header", reason=Reason.MALFORMED_PROOF, tamper=_flip("receipt", 3)),
    Case(
        name="a byte that is no text",
        reason=Reason.MALFORMED_RECEIPT,
        tamper=_receipt(lambda s: b"\xff" + s.receipt(5)),
    ),
    Case(name="no receipt at all", reason=Reason.MALFORMED_PROOF, tamper=_receipt(lambda _: b"{}")),
    Case(
        name="no record in it",
        reason=Reason.MALFORMED_RECEIPT,
        tamper=_receipt(lambda s: b"\n".join(s.receipt(5).split(b"\n")[:1] + s.receipt(5).split(b"\n")[2:])),
    ),
    Case(
        name="a salt that is none", reason=Reason.MALFORMED_RECEIPT, tamper=_receipt(lambda s: s.receipt(5, salt=b"a"))
    ),
    Case(name="the record spelt anew", reason=Reason.MALFORMED_RECEIPT, tamper=_receipt(_respelt)),
    Case(
        name="the record changed",
        reason=Reason.NOT_INCLUDED,
        tamper=_receipt(lambda s: s.receipt(5, record=s.sealed[5][1].replace(b'"CA"', b'"US"'))),
    ),
    Case(
        name="the salt changed",
        reason=Reason.NOT_INCLUDED,
        tamper=_receipt(lambda s: s.receipt(5, salt=flipped(s.sealed[5][0], 9))),
    ),
    Case(name="another index", reason=Reason.NOT_INCLUDED, tamper=_replaced("index 5", "index 7")),
    Case(name="an index past the tree", reason=Reason.NOT_INCLUDED, tamper=_replaced("index 5", "index 5000")),
    Case(name="an index written otherwise", reason=Reason.MALFORMED_PROOF, tamper=_replaced("index 5", "index 05")),
    Case(name="a hash of the path", reason=Reason.NOT_INCLUDED, tamper=_receipt(lambda s: _changed_hash(s.receipt(5)))),
    Case(name="hashes swapped", reason=Reason.NOT_INCLUDED, tamper=_receipt(lambda s: _swapped_hashes(s.receipt(5)))),
    Case(
        name="a hash left out",
        reason=Reason.NOT_INCLUDED,
        tamper=_receipt(lambda s: b"\n".join(x for n, x in enumerate(s.receipt(5).split(b"\n")) if n != 3)),
    ),
    Case(
        name="another tenant's proof with my record",
        reason=Reason.NOT_INCLUDED,
        tamper=_receipt(lambda s: _with_path_of(s, OTHERS)),
    ),
    Case(name="another tenant's receipt", reason=Reason.OTHER_REQUEST, tamper=_receipt(lambda s: s.receipt(OTHERS))),
    Case(name="the size in the checkpoint", reason=Reason.BAD_SIGNATURE, tamper=_replaced("\n300\n", "\n301\n")),
    Case(
        name="the root in the checkpoint",
        reason=Reason.BAD_SIGNATURE,
        tamper=_flip("receipt", lambda raw: raw.index(b"\n300\n") + 9),
    ),
    Case(name="the log's name in it", reason=Reason.BAD_SIGNATURE, tamper=_replaced("\n\nlog.", "\n\nlag.")),
    Case(
        name="no signature",
        reason=Reason.MALFORMED_NOTE,
        tamper=_receipt(lambda s: s.receipt(5).split("—".encode())[0]),
    ),
    Case(name="signed by another key", reason=Reason.UNKNOWN_KEY, tamper=_receipt(_by_another_key)),
    Case(name="of another log", reason=Reason.UNKNOWN_KEY, tamper=_receipt(_of_another_log)),
    Case(name="of another origin by the same key", reason=Reason.WRONG_ORIGIN, tamper=_receipt(_wrong_origin)),
    Case(name="a cosignature stripped", reason=Reason.QUORUM, tamper=_receipt(_stripped)),
    Case(name="a cosignature changed", reason=Reason.BAD_SIGNATURE, tamper=_receipt(_cosignature_changed)),
    Case(name="the request changed", reason=Reason.REQUEST_DIFFERS, tamper=_flip("request", 20)),
    Case(name="the response changed", reason=Reason.RESPONSE_DIFFERS, tamper=_flip("response", 20)),
    Case(
        name="the response cut",
        reason=Reason.RESPONSE_DIFFERS,
        tamper=lambda _, root: (root / "response").write_bytes((root / "response").read_bytes()[:-1]),
    ),
    Case(name="a record without hashes", reason=Reason.NOT_STATED, tamper=_receipt(_no_hash)),
    Case(
        name="a worker's statement changed",
        reason=Reason.BAD_SIGNATURE,
        tamper=_stating(lambda said: said["statement"].update(node="w2")),
    ),
    Case(
        name="a worker's signature cut",
        reason=Reason.BAD_SIGNATURE,
        tamper=_stating(lambda said: said.update(signature=said["signature"][:-2])),
    ),
    Case(
        name="a worker's statement of another request",
        reason=Reason.OTHER_REQUEST,
        tamper=_stating(lambda said: said.update(hop(f"{OTHERS:016x}"))),
    ),
    *(
        Case(name=f"a worker's {name} that is none", reason=Reason.NOT_STATED, tamper=_stating(change))
        for name, change in (
            ("key", lambda said: said.update(public_key=[said["public_key"]])),
            ("signature", lambda said: said.update(signature="é")),
            ("statement", lambda said: said.update(statement=[])),
        )
    ),
    Case(
        name="a policy that asks for nothing",
        reason=Reason.MALFORMED_POLICY,
        tamper=lambda s, root: (root / "policy").write_text(f"log {s.key}\n"),
    ),
    Case(
        name="a key that is none",
        reason=Reason.MALFORMED_KEY,
        tamper=lambda s, root: (root / "policy").write_text(s.policy.replace("log.example", "lag.example")),
    ),
]

LOGS = [
    Case(name=name, reason=reason, tamper=tamper, of_log=True)
    for name, reason, tamper in (
        ("a byte of an entry", Reason.INCONSISTENT, _flip("log/tile/entries/000", 2 + 34 * 5)),
        ("a byte of a late entry", Reason.INCONSISTENT, _flip("log/tile/entries/001.p/44", 2 + 34 * (LATE - 256))),
        ("a length of an entry", Reason.MALFORMED_TILE, _flip("log/tile/entries/001.p/44", 34 * 43 + 1)),
        ("a byte of a tile", Reason.INCONSISTENT, _flip("log/tile/0/000", 32 * 5)),
        ("a byte of a late tile", Reason.INCONSISTENT, _flip("log/tile/0/001.p/44", 32 * 40)),
        ("a byte of a higher tile", Reason.INCONSISTENT, _flip("log/tile/1/000.p/1", 0)),
        ("leaves swapped", Reason.INCONSISTENT, _swapped_leaves),
        ("leaves and hashes swapped", Reason.INCONSISTENT, _swapped_everywhere),
        ("a late leaf changed everywhere", Reason.INCONSISTENT, _late_leaf_elsewhere),
        ("history rewritten and signed", Reason.INCONSISTENT, _rewritten),
        ("two trees of one size", Reason.INCONSISTENT, _another_of_this_size),
        ("rolled back", Reason.ROLLED_BACK, _rolled_back),
        ("a tile cut", Reason.MALFORMED_TILE, _cut("tile/0/001.p/44", 32 * 43)),
        ("a bundle cut at an entry", Reason.MALFORMED_TILE, _cut("tile/entries/001.p/44", 34 * 43)),
        ("a bundle cut within one", Reason.MALFORMED_TILE, _cut("tile/entries/001.p/44", 34 * 43 + 5)),
        ("a bundle gone", Reason.MISSING_TILE, _removed("tile/entries/001.p/44")),
        ("a tile gone", Reason.MISSING_TILE, _removed("tile/0/001.p/44")),
        (
            "a byte of the checkpoint",
            Reason.BAD_SIGNATURE,
            _flip("log/checkpoint", lambda raw: raw.index(b"\n300") + 7),
        ),
        ("a cosignature stripped from it", Reason.QUORUM, _checkpoint_stripped),
    )
]
