"""Trust policies: which logs are believed, and whose cosignatures are asked for (https://c2sp.org/tlog-policy)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from libs.tlog.checkpoint import Checkpoint, number, open_checkpoint
from libs.tlog.note import Algorithm, VerifierKey, open_note
from libs.tlog.refusals import Reason, Refused

NONE: Final = "none"
_LARGEST: Final = 1 << 16
_MOST: Final = 256  # lines that say something


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Has seen a checkpoint when `threshold` of its members have: witnesses, and groups defined before it."""

    threshold: int
    members: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """Any one of the logs has signed, and the quorum (a witness, a group, or `none`) has cosigned."""

    logs: Sequence[VerifierKey]
    witnesses: Mapping[str, VerifierKey] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    quorum: str = NONE

    @classmethod
    def read(cls, text: str) -> "Policy":
        """The file's text, at least one log in it. Raises Refused."""
        if len(text) > _LARGEST or any(character < " " and character not in "\t\n" for character in text):
            raise _malformed("the policy is too long, or has control characters in it")
        reading = _Reading()
        for line in text.split("\n"):
            words = [word for word in line.replace("\t", " ").split(" ") if word]
            if words and not words[0].startswith("#"):
                reading.take(words)
        return reading.done()

    def open(self, note: str) -> tuple[Checkpoint, Mapping[str, int]]:
        """The checkpoint in a note, and which witnesses had cosigned it when, by the policy's names. Raises Refused."""
        head = self._logged(note)
        seen: dict[str, int] = {}
        for name, key in self.witnesses.items():
            try:
                seen[name] = open_note(note, (key,)).signers[key.name]
            except Refused as refused:
                if refused.reason is not Reason.UNKNOWN_KEY:
                    raise
        if not self._has_seen(self.quorum, seen):
            raise Refused(
                Reason.QUORUM, f"{len(seen)} of {len(self.witnesses)} witnesses have signed: no {self.quorum}"
            )
        return head, seen

    def _logged(self, note: str) -> Checkpoint:
        """By the logs that have the note's first line for a name; where none has, by the first, which tells why not."""
        origin = note.partition("\n")[0]
        *others, last = [log for log in self.logs if log.name == origin] or self.logs[:1]
        for log in others:  # one name, several keys: a log that has changed its key
            try:
                return open_checkpoint(note, log)[0]
            except Refused as refused:
                if refused.reason is not Reason.UNKNOWN_KEY:
                    raise
        return open_checkpoint(note, last)[0]

    def _has_seen(self, name: str, seen: Mapping[str, int]) -> bool:
        group = self.groups.get(name)
        if group is None:
            return name == NONE or name in seen
        return sum(self._has_seen(member, seen) for member in group.members) >= group.threshold


class _Reading:
    """What the lines so far have defined."""

    def __init__(self) -> None:
        self._logs: list[VerifierKey] = []
        self._witnesses: dict[str, VerifierKey] = {}
        self._groups: dict[str, Group] = {}
        self._members: set[str] = set()
        self._quorum: str | None = None
        self._lines = 0

    def take(self, words: list[str]) -> None:
        takes: dict[str, Callable[[list[str]], None]] = {
            "log": self._log,
            "witness": self._witness,
            "group": self._group,
            "quorum": self._set_quorum,
        }
        self._lines += 1
        take = takes.get(words[0])
        if take is None or self._lines > _MOST:
            raise _malformed(f"a line says `log`, `witness`, `group` or `quorum`, and there are at most {_MOST}")
        take(words[1:])

    def done(self) -> Policy:
        if self._quorum is None or not self._logs:
            raise _malformed("a policy names a log (`log <key>`) and says whose cosignature is needed (`quorum none`)")
        return Policy(logs=self._logs, witnesses=self._witnesses, groups=self._groups, quorum=self._quorum)

    def _log(self, words: list[str]) -> None:
        if len(words) not in {1, 2}:
            raise _malformed("a log is written `log <key> [<url>]`")
        self._logs.append(_key(words[0], Algorithm.ED25519, self._logs))

    def _witness(self, words: list[str]) -> None:
        if len(words) not in {2, 3}:
            raise _malformed("a witness is written `witness <name> <key> [<url>]`")
        self._witnesses[self._fresh(words[0])] = _key(words[1], Algorithm.COSIGNATURE, [*self._witnesses.values()])

    def _group(self, words: list[str]) -> None:
        name, threshold, *members = [*words, "", ""] if len(words) < 3 else words  # noqa: PLR2004 - as the line has
        if len(words) < 3 or not all(self._is_defined(member) for member in members):  # noqa: PLR2004
            raise _malformed("a group is written `group <name> <k>|all|any <name>…`, of names defined before it")
        if len(set(members)) < len(members) or self._members & set(members):
            raise _malformed("a name is a member of one group, once")
        needed = {"all": len(members), "any": 1}.get(threshold) or _threshold(threshold)
        if not 1 <= needed <= len(members):
            raise _malformed("a group's number is at least 1, and at most that of its members")
        self._groups[self._fresh(name)] = Group(threshold=needed, members=members)
        self._members.update(members)

    def _set_quorum(self, words: list[str]) -> None:
        if len(words) != 1 or self._quorum is not None or (words[0] != NONE and not self._is_defined(words[0])):
            raise _malformed("one line says `quorum <name>`, a name defined before it, or `quorum none`")
        self._quorum = words[0]

    def _fresh(self, name: str) -> str:
        if name == NONE or self._is_defined(name):
            raise _malformed("witnesses and groups have names of their own, and none is called `none`")
        return name

    def _is_defined(self, name: str) -> bool:
        return name in self._witnesses or name in self._groups


def _key(text: str, algorithm: Algorithm, known: Sequence[VerifierKey]) -> VerifierKey:
    key = VerifierKey.read(text)
    if key.algorithm is not algorithm:
        raise _malformed("a log's key is of type 1 (it signs), a witness's of type 4 (it cosigns)")
    if any(other.public_key == key.public_key for other in known):
        raise _malformed("a key is listed once")
    return key


def _threshold(text: str) -> int:
    try:
        return number(text)
    except ValueError:
        return 0


def _malformed(sentence: str) -> Refused:
    return Refused(Reason.MALFORMED_POLICY, sentence)
