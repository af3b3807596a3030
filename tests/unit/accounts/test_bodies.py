"""Whatever is sent as a body becomes a value or a refusal that names its member, and nothing else."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.auth.records import KeyRecord
from libs.contracts.errors import InvalidRequest, NorthernError
from services.accounts.bodies.accounts import TenantBody, TenantChange, UserBody, UserChange
from services.accounts.bodies.credentials import FORMS, read_credential
from services.accounts.bodies.keys import CATALOG, KeyBody, RotationBody
from services.accounts.bodies.reading import Body, read
from tests.unit.accounts.rig import catalog

CONTEXT: dict[str, Any] = {CATALOG: catalog()}
KINDS: tuple[type[Body], ...] = (KeyBody, RotationBody, TenantBody, TenantChange, UserBody, UserChange)
NAMES = sorted({name for kind in KINDS for name in kind.model_fields})
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from(["CA", "self_hosted", "balanced", "12.5", "active", "owner", "a@b.c", "Qwen/Qwen3-14B"])
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["rpm", "tpm", "url", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)
BODIES = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=10), VALUES, max_size=6)


def outcome(kind: type[Body], raw: bytes) -> Body | InvalidRequest:
    """What was read, or the refusal; anything else falls."""
    try:
        return read(kind, raw, CONTEXT)
    except InvalidRequest as refused:
        return refused


def json_of(body: Any) -> bytes:
    return orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS, default=str)


@given(st.sampled_from(KINDS), BODIES)
def test_any_object_is_read_or_refused_by_name(kind: type[Body], body: dict[str, Any]) -> None:
    try:
        raw = json_of(body)
    except TypeError:  # integers beyond 64 bits
        return
    found = outcome(kind, raw)
    if isinstance(found, InvalidRequest):
        assert found.message
        assert found.param.isascii()
        assert found.param.partition(".")[0] in {*kind.model_fields, *map(_shown, body)}
    else:
        assert found.model_fields_set <= set(kind.model_fields)


@given(st.sampled_from(KINDS), st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_bytes_are_read_or_refused(kind: type[Body], raw: bytes) -> None:
    found = outcome(kind, raw)
    if isinstance(found, InvalidRequest):
        assert found.message.isprintable()


@given(BODIES)
def test_a_key_that_is_read_can_be_stored_and_read_again(body: dict[str, Any]) -> None:
    try:
        found = read(KeyBody, json_of(body), CONTEXT)
    except (InvalidRequest, TypeError):
        return
    record = KeyRecord.model_validate(
        {
            "id": "k_a",
            "tenant": "t_a",
            "name": "x",
            "digest": "0" * 64,
            "prefix": "inf_",
            "last4": "abcd",
            "created": "2026-03-01T00:00:00Z",
            **found.changes(),
        }
    )
    assert KeyRecord.from_bytes(record.to_bytes()) == record


@given(st.sampled_from([*FORMS, "other"]), BODIES | st.dictionaries(st.sampled_from(["api_key", "region"]), VALUES))
def test_any_credential_is_read_or_refused_and_never_repeated(provider: str, body: dict[str, Any]) -> None:
    try:
        raw = json_of({**body, "api_key": "canary-0123456789 with spaces"})
    except TypeError:
        return
    with pytest.raises(NorthernError) as refused:
        read_credential(provider, raw, CONTEXT)
    assert "canary" not in refused.value.message


def _shown(name: str) -> str:
    return "".join(char if char.isprintable() and char.isascii() else "?" for char in name)[:64].partition(".")[0]


@given(st.text(min_size=1))
def test_an_unknown_member_is_named_in_plain_characters(name: str) -> None:
    if name in KeyBody.model_fields:
        return
    try:
        raw = json_of({name: 1})
    except TypeError:  # lone surrogates
        return
    with pytest.raises(InvalidRequest, match="is not a member here; known are"):
        read(KeyBody, raw, CONTEXT)


def test_duplicate_members_are_read_as_the_last_one() -> None:
    found = read(KeyBody, b'{"name":"a","name":"b"}', CONTEXT)
    assert found.name == "b"
