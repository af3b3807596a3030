"""Promises of inclusion and workers' statements: believed if the key signed just this, refused by name otherwise."""

from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from libs.tlog.note import VerifierKey
from libs.tlog.promise import KEY_NAME, Promise, message
from libs.tlog.refusals import Reason, Refused
from libs.tlog.signing import SigningKey
from libs.tlog.testimony import DOMAIN, verify
from services.ingress.inference.promises import HEADER, Promises

ID, OTHER = "0123456789abcdef", "0123456789abcdee"
SEED, HASH = b"p" * 32, b"\x07" * 32


def made() -> tuple[str, VerifierKey]:
    promises = Promises(SigningKey(SEED))
    assert promises.key is not None
    return promises.headers(ID, HASH)[HEADER], promises.key


def refusal_of(text: str, request_id: str, key: VerifierKey) -> Reason | None:
    try:
        Promise.read(text).verify(request_id, key)
    except Refused as refused:
        return refused.reason
    return None


def test_what_the_edge_signs_holds_for_its_request_alone() -> None:
    text, key = made()
    assert str(Promise.read(text)) == text
    assert refusal_of(text, ID, key) is None
    assert refusal_of(text, OTHER, key) == Reason.BAD_SIGNATURE
    other = VerifierKey(name=KEY_NAME, public_key=Ed25519PrivateKey.generate().public_key().public_bytes_raw())
    assert refusal_of(text, ID, other) == Reason.UNKNOWN_KEY


@given(st.data())
def test_no_changed_character_is_believed(data: st.DataObject) -> None:
    text, key = made()
    place = data.draw(st.integers(0, len(text) - 1))
    changed = data.draw(st.characters(min_codepoint=32, max_codepoint=126).filter(lambda char: char != text[place]))
    assert refusal_of(text[:place] + changed + text[place + 1 :], ID, key) is not None


@given(st.text(max_size=700))
def test_no_text_breaks_the_reader(text: str) -> None:
    with pytest.raises(Refused):
        Promise.read(text)


def test_the_message_is_what_the_page_says_it_is() -> None:
    assert message(ID, HASH, 17) == f"ni-custody-promise/v1\n{ID}\n{'07' * 32}\n17\n".encode()


def test_without_a_key_or_a_request_that_was_read_nothing_is_promised() -> None:
    assert Promises().headers(ID, HASH) == {}
    assert Promises().key is None
    assert Promises(SigningKey(SEED)).headers(ID, b"") == {}


def stated() -> dict[str, Any]:
    key = Ed25519PrivateKey.from_private_bytes(SEED)
    statement = {"v": 1, "role": "worker", "request_id": ID, "endpoint": {"host": "a.example"}}
    signed = orjson.dumps(statement, option=orjson.OPT_SORT_KEYS)
    return {
        "statement": statement,
        "public_key": key.public_key().public_bytes_raw().hex(),
        "signature": key.sign(DOMAIN + signed).hex(),
    }


def test_a_workers_statement_is_believed_as_it_was_signed() -> None:
    assert verify(stated())["request_id"] == ID
    said = stated()
    said["statement"]["endpoint"]["host"] = "b.example"
    with pytest.raises(Refused) as refused:
        verify(said)
    assert refused.value.reason == Reason.BAD_SIGNATURE


@pytest.mark.parametrize(("member", "value"), [("public_key", "zz"), ("signature", None), ("statement", None)])
def test_what_no_worker_signed_is_refused_by_name(member: str, value: object) -> None:
    with pytest.raises(Refused) as refused:
        verify({**stated(), member: value})
    assert refused.value.reason == Reason.NOT_STATED
