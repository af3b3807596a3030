"""The end of a conversation, read for a reply to a list of routes; whatever a client sends."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingress.names.lists import Numbered, unknown
from services.ingress.names.replies import said

LIST = unknown(Numbered(name="gpt-9", routes=("a/x", "b/y:0")))


def user(content: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content}]}


@pytest.mark.parametrize(
    "content",
    [
        "2",
        " 2\n",
        "#2",
        "2.",
        "2)",
        "<user_query>\n2\n</user_query>",
        "x" * 9000 + "<user_query>2</user_query>\n",
        [{"type": "text", "text": "2"}],
        [{"type": "text", "text": "<system-reminder>…</system-reminder>"}, {"type": "text", "text": "2"}],
        [{"type": "text", "text": "2"}, {"type": "text", "text": "a reminder"}],
    ],
)
def test_a_bare_number_is_read_as_clients_wrap_it(content: Any) -> None:
    found = said(user(content))
    assert found is not None
    assert (found.number, found.before, found.begun) == (2, None, False)


@pytest.mark.parametrize(
    "content", ["2 apples", "two", "-1", "1.5", "0", "12345", "ni-models please", "", None, 3, [3]]
)
def test_anything_else_is_a_prompt(content: Any) -> None:
    assert said(user(content)) is None


def test_the_list_is_asked_for_by_one_word() -> None:
    found = said(user("ni-models"))
    assert found is not None
    assert found.number == 0


def test_a_history_shows_which_list_is_answered() -> None:
    body = {
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": [{"type": "text", "text": LIST}]},
            {"role": "user", "content": "2"},
        ]
    }
    found = said(body)
    assert found is not None
    assert found.before is not None
    assert (found.before.name, dict(found.before.routes)) == ("gpt-9", {1: "a/x", 2: "b/y:0"})


def test_only_the_assistant_s_last_turn_counts() -> None:
    turns = [{"role": "assistant", "content": LIST}, {"role": "assistant", "content": "How many?"}]
    found = said({"messages": [*turns, {"role": "user", "content": "2"}]})
    assert found is not None
    assert (found.before, found.begun) == (None, True)


@pytest.mark.parametrize("role", ["assistant", "tool", "system", None])
def test_a_number_that_the_user_did_not_say_is_none(role: Any) -> None:
    assert said({"messages": [{"role": role, "content": "2"}]}) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["user", "assistant", "2", LIST]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["role", "content", "text"]), inner),
    max_leaves=12,
)


@given(JSON | st.lists(st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": JSON})))
def test_nothing_that_is_sent_makes_it_fall(messages: Any) -> None:
    said({"messages": messages})
