"""Which conversation a request belongs to: of one account alone, and never all of what a user asks."""

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.ingress.routing.conversations import Conversations
from tests.unit.ingress.asking import chat, message

OURS = Conversations(key=b"k" * 32)


def of(body: dict[str, Any], headers: dict[str, str] | None = None, tenant: str = "t1", key_id: str = "k1") -> str:
    return OURS.of(body, headers or {}, tenant, key_id)


def talk(*turns: str, system: str = "be brief", **more: Any) -> dict[str, Any]:
    said = [{"role": ("user", "assistant")[n % 2], "content": turn} for n, turn in enumerate(turns)]
    return chat(messages=[{"role": "system", "content": system}, *said], **more)


def test_a_conversation_is_sixteen_hex_and_the_same_as_it_goes_on() -> None:
    first, later = of(talk("hello")), of(talk("hello", "hi", "and now?"))
    assert re.fullmatch(r"[0-9a-f]{16}", first)
    assert first == later


def test_another_beginning_is_another_conversation() -> None:
    known = {
        of(talk("hello")),
        of(talk("good day")),
        of(talk("hello", system="be long")),
        of(talk("hello"), key_id="k2"),
    }
    assert len(known) == 4


def test_a_user_alone_is_no_conversation() -> None:
    assert of(talk("one", user="u")) != of(talk("two", user="u"))
    assert of(message(metadata={"user_id": "u"}, messages=[{"role": "user", "content": "one"}])) != of(
        message(metadata={"user_id": "u"}, messages=[{"role": "user", "content": "two"}])
    )


def test_what_the_client_calls_it_goes_before_how_it_began() -> None:
    named = {"X-Session-Id": "s-1"}
    assert of(talk("one"), named) == of(talk("two", system="other"), named, key_id="k2")
    assert of(talk("one"), named) != of(talk("one"), {"X-Session-Id": "s-2"})
    assert of(talk("one", conversation_id="c")) == of(talk("two", conversation_id="c"))
    assert of(talk("one", prompt_cache_key="p")) == of(talk("two", prompt_cache_key="p"))
    assert of(talk("one", prompt_cache_key="p", user="u")) != of(talk("one", prompt_cache_key="p", user="v"))
    code = {"metadata": {"user_id": "user_1_account__session_2"}}
    assert of(message(messages=[{"role": "user", "content": "one"}], **code)) == of(
        message(messages=[{"role": "user", "content": "two"}], **code)
    )


def test_the_same_name_is_another_conversation_in_another_account() -> None:
    for body, headers in ((talk("hello"), {}), (talk("hello"), {"X-Session-Id": "s"}), (talk("a", user="u"), {})):
        assert of(body, headers, tenant="t1") != of(body, headers, tenant="t2")


def test_the_key_of_the_street_is_in_it_so_that_a_guess_at_the_text_proves_nothing() -> None:
    other = Conversations(key=b"o" * 32)
    assert other.of(talk("hello"), {}, "t1", "k1") != of(talk("hello"))


def test_parts_do_not_run_into_each_other() -> None:
    assert of(talk("bc", prompt_cache_key="b", user="a")) != of(talk("bc", prompt_cache_key="ab"))


def test_reminders_that_agents_put_before_the_prompt_tell_nothing() -> None:
    def agent(typed: str) -> dict[str, Any]:
        texts = [{"type": "text", "text": "always the same"}, {"type": "text", "text": typed}]
        return message(messages=[{"role": "user", "content": texts}])

    assert of(agent("one")) != of(agent("two"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["messages", "system", "user", "metadata", "prompt_cache_key", "conversation_id"])


@given(st.dictionaries(NAMES, JSON, max_size=6))
def test_whatever_the_body_is_there_is_an_answer(body: dict[str, Any]) -> None:
    assert re.fullmatch(r"([0-9a-f]{16})?", of(body, {"X-Session-Id": "\udcff"} if "user" in body else {}))
