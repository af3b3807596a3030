"""Policies as owners write them: defaults, bounds, and refusals that name the member."""

import pytest

from libs.contracts.errors import InvalidRequest
from services.pii.entities import EntityType
from services.pii.policies import Policy, Scope, Strict, read_policy


def test_an_empty_policy_has_everything_on_and_nothing_strict() -> None:
    policy = read_policy({})
    assert policy == Policy()
    assert (policy.strict, policy.scope, policy.images, policy.restore_secrets) == ("off", "account", "block", True)


def test_a_policy_reads_from_json_with_every_member() -> None:
    raw = b"""{"id": "clinic", "types": {"LOCATION": false}, "allow": ["Acme"], "deny": ["Etoile"], "strict": "mask",
        "patterns": [{"name": "case", "regex": "CAS-[0-9]+"}], "scope": "conversation", "images": "allow",
        "restore_secrets": false}"""
    policy = read_policy(raw)
    assert policy.types == {EntityType.LOCATION: False}
    assert (policy.strict, policy.scope) == (Strict.MASK, Scope.CONVERSATION)


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"types": {"NOSE": True}}, "types.NOSE"),
        ({"strict": "very"}, "strict"),
        ({"allow": [""]}, "allow.0"),
        ({"deny": ["x" * 201]}, "deny.0"),
        ({"deny": ["x"] * 10_001}, "deny"),
        ({"patterns": [{"name": "a b", "regex": "x"}]}, "patterns.0.name"),
        ({"patterns": [{"name": "a", "regex": "x"}] * 51}, "patterns"),
        ({"colour": "red"}, "colour"),
        ({"id": "a/b"}, "id"),
    ],
)
def test_a_bad_member_is_refused_by_its_name(members: dict[str, object], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_policy(members)
    assert refused.value.param == param


def test_a_refusal_never_repeats_what_was_sent() -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_policy({"strict": "hunter2-secret"})
    assert "hunter2" not in refused.value.message


@pytest.mark.parametrize("raw", [b"[]", b"nonsense", b"null", "", 7])
def test_what_is_no_object_is_refused(raw: object) -> None:
    with pytest.raises(InvalidRequest):
        read_policy(raw)
