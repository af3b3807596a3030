"""What a request says of the choice among models: read, bounded, and refused by name."""

from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.errors import InvalidRequest
from libs.contracts.northern.v1.envelope_pb2 import RoutingAsk
from services.ingress import domain
from services.ingress.routing.asking import MAX_POOL, wanted
from tests.unit.ingress.asking import MESSAGES, chat, message, read

KEY = domain.Allowed(tiers=domain.TIERS, residency=(), model_pool=("a/1", "b/2"), optimize="cost")


def test_auto_goes_by_what_the_key_says() -> None:
    asked = read(chat(model="auto"), allowed=KEY)
    assert asked.routing == RoutingAsk(model_pool=["a/1", "b/2"], optimize="cost")
    assert asked.sticky
    assert read(message(model="auto"), allowed=KEY, call=MESSAGES).routing == asked.routing


def test_a_request_takes_the_key_s_place_member_by_member() -> None:
    routing = {"optimize": "quality", "model_pool": ["c/3", "c/3", "d/4"], "task": "analysis"}
    assert read(chat(model="auto", routing=routing), allowed=KEY).routing == RoutingAsk(
        model_pool=["c/3", "d/4"], optimize="quality", task="analysis"
    )
    one = read(chat(model="auto", routing={"task": "analysis"}), allowed=KEY).routing
    assert one == RoutingAsk(model_pool=["a/1", "b/2"], optimize="cost", task="analysis")
    none = {"optimize": None, "model_pool": None, "task": None, "sticky": None}
    assert read(chat(model="auto", routing=none), allowed=KEY).routing == read(chat(model="auto"), allowed=KEY).routing


def test_a_conversation_need_not_hold_it_to_a_model() -> None:
    assert not read(chat(model="auto", routing={"sticky": "off"})).sticky
    assert read(chat(model="auto", routing={"sticky": "auto"})).sticky


def test_a_model_that_is_named_has_no_choice_to_go_by() -> None:
    assert read(chat(), allowed=KEY).routing is None
    for routing in ({}, {"optimize": "cost"}):
        with pytest.raises(InvalidRequest) as caught:
            read(chat(routing=routing))
        assert caught.value.param == "routing"


def test_what_is_said_of_routing_never_reaches_a_provider() -> None:
    for call, body in ((None, chat), (MESSAGES, message)):
        given_ = body(model="auto", routing={"optimize": "cost"})
        sent = read(given_, call=call) if call else read(given_)
        assert not {"routing", "model"} & set(orjson.loads(sent.body))


@pytest.mark.parametrize(
    ("routing", "param"),
    [
        ([], "routing"),
        ("quality", "routing"),
        (True, "routing"),
        ({"modelpool": ["a"]}, "routing.modelpool"),
        ({"a b": 1}, "routing"),
        ({"x" * 65: 1}, "routing"),
        ({"optimize": "best"}, "routing.optimize"),
        ({"optimize": ["cost"]}, "routing.optimize"),
        ({"optimize": ""}, "routing.optimize"),
        ({"model_pool": []}, "routing.model_pool"),
        ({"model_pool": "a/1"}, "routing.model_pool"),
        ({"model_pool": ["a/1", 2]}, "routing.model_pool"),
        ({"model_pool": [""]}, "routing.model_pool"),
        ({"model_pool": ["a\n"]}, "routing.model_pool"),
        ({"model_pool": ["x" * 257]}, "routing.model_pool"),
        ({"model_pool": ["auto"]}, "routing.model_pool"),
        ({"model_pool": [f"m/{n}" for n in range(MAX_POOL + 1)]}, "routing.model_pool"),
        ({"task": 1}, "routing.task"),
        ({"task": ""}, "routing.task"),
        ({"task": "x" * 65}, "routing.task"),
        ({"task": "écrire"}, "routing.task"),
        ({"sticky": "strict"}, "routing.sticky"),
        ({"sticky": True}, "routing.sticky"),
    ],
)
def test_a_bad_member_is_refused_by_name(routing: Any, param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(chat(model="auto", routing=routing))
    assert caught.value.param == param
    assert "`routing" in caught.value.message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
MEMBERS = st.sampled_from(["model_pool", "optimize", "task", "sticky"]) | st.text(max_size=3)


@given(JSON | st.dictionaries(MEMBERS, JSON, max_size=4), st.sampled_from(["auto", "m"]))
def test_whatever_is_said_is_read_or_refused(routing: Any, model: str) -> None:
    with suppress(InvalidRequest):
        asked, _ = wanted(routing, model, pool=("k/1",), optimize="latency")
        assert (asked is None) == (model != "auto")
