"""The catalogue of subjects: no text of a user becomes one, and who may use which follows from it alone."""

import re

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from libs.bus.memory import matches
from libs.contracts import subjects
from libs.contracts.subjects import BUCKETS, FACT_KINDS, GRANTS, RECORDS, SERVICES, STREAMS, permissions

SAFE = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


@given(st.text())
@example("")
@example("a.b")
@example("*")
@example(">")
@example("a\n")
@example("a b")
@example("\r\nPUB ev.finished.0 1")
@example("é")
@example("٣")  # a digit, but not one of ours
@example("x" * 65)
def test_text_that_could_change_a_subject_is_refused(text: str) -> None:
    assume(not SAFE.fullmatch(text))
    for build in (subjects.token, subjects.work, subjects.beat, subjects.dead_letter):
        with pytest.raises(ValueError, match="subject"):
            build(text)
    with pytest.raises(ValueError, match="subject"):
        subjects.query("custody", text)
    with pytest.raises(ValueError, match="subject"):
        subjects.query(text, "look_up")
    with pytest.raises(ValueError, match="kind"):
        subjects.fact(text, 0)


@given(st.from_regex(SAFE, fullmatch=True))
def test_what_is_safe_stands_as_it_is_in_one_token(text: str) -> None:
    assert subjects.token(text) == text
    assert subjects.work(text).split(".") == ["ni", "work", text]


def test_random_tokens_are_64_bits_that_may_stand_in_a_subject() -> None:
    found = {subjects.random_token() for _ in range(1000)}
    assert len(found) == 1000
    assert all(re.fullmatch(r"[0-9a-f]{16}", subjects.token(one)) for one in found)


@pytest.mark.parametrize("kind", FACT_KINDS)
def test_every_fact_and_every_dead_letter_has_a_stream(kind: str) -> None:
    for subject in (subjects.fact(kind, 0), subjects.dead_letter("custody")):
        kept = [spec.name for spec in STREAMS if any(matches(pattern, subject) for pattern in spec.subjects)]
        assert len(kept) == 1, subject


def test_no_two_streams_keep_the_same_subject() -> None:
    patterns = [pattern for spec in STREAMS for pattern in spec.subjects]
    assert len({pattern.split(".")[0] for pattern in patterns}) == len(patterns)


@given(st.text(max_size=40), st.integers(1, 16))
def test_an_account_lives_on_one_shard(tenant: str, shards: int) -> None:
    assert subjects.shard_of(tenant, shards) == subjects.shard_of(tenant, shards)
    assert 0 <= subjects.shard_of(tenant, shards) < shards
    assert subjects.shard_of(tenant) == 0


@pytest.mark.parametrize("service", sorted(GRANTS))
def test_a_service_may_write_only_buckets_it_was_given_and_never_the_api_of_streams(service: str) -> None:
    lists = permissions(service)
    for bucket in BUCKETS:
        may = any(matches(pattern, f"$KV.{bucket}.x") for pattern in lists.publish)
        assert may == (bucket in GRANTS[service].write), bucket
    for verb in ("CREATE", "UPDATE", "DELETE", "PURGE"):
        for stream in (*(spec.name for spec in STREAMS), *(f"KV_{bucket}" for bucket in BUCKETS)):
            may = any(matches(pattern, f"$JS.API.STREAM.{verb}.{stream}") for pattern in lists.publish)
            carries = (service, verb, stream) == ("custody", "PURGE", RECORDS)  # emptied of what the store has
            assert may == carries


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_hears_its_own_inbox_and_no_other(service: str) -> None:
    heard = permissions(service).subscribe
    for other in SERVICES:
        subject = f"{subjects.inbox_prefix(other)}.x.y"
        assert any(matches(pattern, subject) for pattern in heard) == (other == service)
