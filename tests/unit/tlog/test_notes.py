"""Notes, checkpoints, proofs and what witnesses are told: read back, signed, and refused by name when changed."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.tlog.checkpoint import Checkpoint, open_checkpoint
from libs.tlog.merkle import consistency
from libs.tlog.note import Algorithm, VerifierKey, open_note
from libs.tlog.proof import Proof
from libs.tlog.refusals import Reason, Refused
from libs.tlog.witnessing import AddCheckpoint, consistent
from tests.unit.tlog.logs import Key, Log

LOG = Log.of(70)
WITNESSES = [Key(f"witness.example/w{n}", Algorithm.COSIGNATURE) for n in range(3)]

# The example of c2sp.org/signed-note.
EXAMPLE = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"


def refused(reason: Reason) -> "pytest.RaisesExc[Refused]":
    return pytest.RaisesExc(Refused, check=lambda error: error.reason is reason)


def test_the_note_of_the_specification_is_opened() -> None:
    key = VerifierKey.read(EXAMPLE_KEY)
    assert str(key) == EXAMPLE_KEY
    assert open_note(EXAMPLE, [key]).text == "This is an example message.\n"
    with refused(Reason.BAD_SIGNATURE):
        open_note(EXAMPLE.replace("example message", "Example message"), [key])
    with refused(Reason.UNKNOWN_KEY):
        open_note(EXAMPLE, [LOG.key.public])


@pytest.mark.parametrize(
    "text",
    ["", "a+b", "a+530d903a+AekyeRrm", EXAMPLE_KEY.replace("530d", "530e"), f"+{EXAMPLE_KEY}", f"\udcff{EXAMPLE_KEY}"],
)
def test_a_key_that_is_none_is_refused(text: str) -> None:
    with refused(Reason.MALFORMED_KEY):
        VerifierKey.read(text)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "text\n",
        "text\n\n",
        "text\n\nno signature\n",
        "te\txt\n\n— a AAAAAAAA\n",
        "text\n\n— a b\n",
        "text\n\n— a AAAAAAAA",
    ],
)
def test_a_note_that_is_none_is_refused(note: str) -> None:
    with refused(Reason.MALFORMED_NOTE):
        open_note(note, [LOG.key.public])


def test_a_checkpoint_is_the_logs_own_and_says_who_saw_it() -> None:
    head, opened = open_checkpoint(LOG.note(None, *WITNESSES), LOG.key.public, [each.public for each in WITNESSES])
    assert head == LOG.head()
    assert opened.signers == {LOG.key.name: 0, **{each.name: 1_700_000_000 for each in WITNESSES}}
    other = Key("log.example/other")
    with refused(Reason.UNKNOWN_KEY):
        open_checkpoint(LOG.note(), other.public)
    text = LOG.head().text
    with refused(Reason.WRONG_ORIGIN):
        open_checkpoint(f"{text}\n{other.line(text)}", other.public)


@pytest.mark.parametrize(
    "text", ["", "a\n1\n", "a\n01\nAAAA\n", "a\n-1\nAAAA\n", "a\n1\nAAAA\n", "\n1\nAAAA\n", "a\n²\nAAAA\n", "a\n1\n\n"]
)
def test_a_checkpoint_that_is_none_is_refused(text: str) -> None:
    with refused(Reason.MALFORMED_CHECKPOINT):
        Checkpoint.read(text)


@given(st.integers(0, 69))
def test_a_proof_is_read_back_and_believed(index: int) -> None:
    proof = Proof.read(LOG.proof(index, *WITNESSES).text)
    assert proof == LOG.proof(index, *WITNESSES)  # Ed25519 signs the same text alike
    witnesses = [each.public for each in WITNESSES]
    assert proof.verify(LOG.entries[index], LOG.key.public, witnesses, quorum=3) == LOG.head()
    with refused(Reason.NOT_INCLUDED):
        proof.verify(b"another", LOG.key.public)


def test_too_few_witnesses_are_refused() -> None:
    proof = LOG.proof(5, WITNESSES[0])
    with refused(Reason.QUORUM):
        proof.verify(LOG.entries[5], LOG.key.public, [each.public for each in WITNESSES], quorum=2)


@given(st.data())
def test_any_character_changed_in_a_proof_is_noticed(data: st.DataObject) -> None:
    text = LOG.proof(33).text
    begin = text.index("index ")  # what comes before is the log's own and is not authenticated
    at = data.draw(st.integers(begin, len(text) - 1))
    other = data.draw(st.sampled_from("abcXYZ019+/= \n—"))
    changed = text[:at] + other + text[at + 1 :]
    if changed == text:
        return
    with pytest.raises(Refused):
        Proof.read(changed).verify(LOG.entries[33], LOG.key.public)


@given(st.text(max_size=300))
def test_any_text_is_a_proof_or_refused(text: str) -> None:
    for candidate in (text, f"c2sp.org/tlog-proof@v1\n{text}"):
        with suppress(Refused):
            assert Proof.read(candidate).text == candidate


@given(st.integers(1, 70), st.integers(1, 70))
def test_a_witness_believes_what_continues_and_nothing_else(first: int, second: int) -> None:
    old, new = sorted((first, second))
    asked = AddCheckpoint.read(AddCheckpoint(old=old, path=consistency(old, new, LOG.subtree), note=LOG.note(new)).text)
    consistent(LOG.head(old), asked, LOG.head(new))
    if old == new:
        return
    with refused(Reason.ROLLED_BACK):
        consistent(LOG.head(new), asked, LOG.head(old))
    with refused(Reason.INCONSISTENT):
        consistent(
            Log().head(0) if not asked.path else LOG.head(old), asked, Checkpoint(origin="", size=new, root=bytes(32))
        )


def test_a_first_checkpoint_needs_no_proof_and_may_have_none() -> None:
    consistent(None, AddCheckpoint(old=0, path=[], note=LOG.note()), LOG.head())
    with refused(Reason.INCONSISTENT):
        consistent(None, AddCheckpoint(old=0, path=[bytes(32)], note=LOG.note()), LOG.head())


@given(st.text(max_size=200))
def test_any_text_is_asked_of_a_witness_or_refused(text: str) -> None:
    for candidate in (text, f"old {text}"):
        with suppress(Refused):
            assert AddCheckpoint.read(candidate).text == candidate
