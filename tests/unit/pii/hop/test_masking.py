"""Bodies with substitutes in them: every place, every kind of refusal, and what is said of it elsewhere."""

import asyncio
import gc
import re
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import orjson
import pytest

from libs.bus.facts import FactPublisher
from libs.bus.memory import MemoryBus
from libs.contracts.errors import InvalidRequest, PiiUnavailable, PiiUnsupportedContent
from libs.contracts.northern.v1.envelope_pb2 import Dialect, Envelope, PiiAsk, Shape
from libs.contracts.northern.v1.query_pb2 import PiiPolicyAsk, PiiTold, PreviewAsk
from libs.telemetry.metrics import Metrics
from services.pii.account_policies.desk import PolicyDesk
from services.pii.account_policies.watched import Policies
from services.pii.entities import Entity
from services.pii.hop.base import Masked
from services.pii.hop.finding import Finder
from services.pii.hop.masking import Masker
from services.pii.hop.preview import PreviewDesk
from services.pii.hop.spans import Spans
from services.pii.recognizers.detector import Detector, load_detector
from services.pii.recognizers.rules import Rules
from services.pii.settings import PiiSettings

MAIL = "zoe.tremblay@clinique.ca"
KEY = "sk-proj-Zk3vQ8mN2xR7tY5wL9pD4sF6hJ1gB0cA"
DETECTOR: Detector = load_detector()


class Room:
    """A masker on a bus in memory, with the real rooms beside it."""

    def __init__(self) -> None:
        self.bus, metrics = MemoryBus(), Metrics()
        self.policies = Policies(self.bus, metrics)
        self.spans = Spans(PiiSettings.model_fields["cached_texts"].default)
        self.masker = Masker(
            policies=self.policies, finder=Finder(detector=DETECTOR, spans=self.spans), master=b"m" * 32
        )
        facts = FactPublisher(self.bus, metrics)
        self.desk = PolicyDesk(bus=self.bus, policies=self.policies, facts=facts, metrics=metrics)

    async def put(self, tenant: str = "t_one", **said: Any) -> PiiTold:
        ask = PiiPolicyAsk(tenant=tenant, body=orjson.dumps(said))
        return PiiTold.FromString(await self.desk.put(ask.SerializeToString()))

    async def mask(self, body: dict[str, Any] | bytes, tenant: str = "t_one", **more: str) -> Masked:
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        return await self.masker.mask(envelope(tenant, **more), raw)


class Blind:
    """A detector that is never asked."""

    def pieces(self, text: str, rules: Rules) -> Iterator[list[Entity]]:
        raise AssertionError(len(text), rules.strict)


def envelope(tenant: str = "t_one", **more: str) -> Envelope:
    return Envelope(
        tenant=tenant,
        key_id="k_one",
        dialect=Dialect.DIALECT_OPENAI_CHAT,
        pii=PiiAsk(**more),
        shape=Shape(text_bytes=100, last_user_turn=f"Write to {MAIL} today", images=1),
    )


def chat(text: str = f"Write to {MAIL} today", **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], **more}


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    made = Room()
    await made.policies.start()
    yield made
    await made.policies.close()


async def test_what_leaves_has_a_substitute_and_what_is_said_of_it_has_no_original(room: Room) -> None:
    masked = await room.mask(chat())
    assert masked.body is not None
    text = orjson.loads(masked.body)["messages"][0]["content"]
    (listed,) = masked.listed
    assert text == f"Write to {listed.substitute} today"
    assert (listed.type, listed.place, listed.count) == ("EMAIL", "messages[0].content", 1)
    assert masked.counts == {"EMAIL": 1}
    assert masked.last_user_turn == text
    assert masked.text_bytes == 100 + len(listed.substitute) - len(MAIL)
    assert MAIL not in repr(masked)
    assert masked.restoration is not None
    assert masked.restoration.sentence(f"to {listed.substitute}") == f"to {MAIL}"


async def test_a_request_without_any_stays_as_it_is(room: Room) -> None:
    masked = await room.mask(chat("Why is the sky blue?"))
    assert (masked.body, masked.restoration, dict(masked.counts)) == (None, None, {})


async def test_another_account_gets_another_substitute_and_the_same_one_the_same(room: Room) -> None:
    first, again, other = [await room.mask(chat(), tenant) for tenant in ("t_one", "t_one", "t_two")]
    assert first.body == again.body != other.body
    assert first.listed[0].original_hash == again.listed[0].original_hash != other.listed[0].original_hash


async def test_the_same_thing_twice_at_a_place_is_listed_once(room: Room) -> None:
    masked = await room.mask(chat(f"{MAIL} and {MAIL}"))
    assert [one.count for one in masked.listed] == [2]
    assert masked.counts == {"EMAIL": 2}


async def test_a_text_seen_before_is_not_looked_through_again(room: Room) -> None:
    text = f"Write to {MAIL}. " + "The weather is fine. " * 200
    first = await room.mask(chat(text))
    blind = Masker(policies=room.policies, finder=Finder(detector=Blind(), spans=room.spans), master=b"m" * 32)
    again = await blind.mask(envelope(), orjson.dumps(chat(text)))
    assert again.body == first.body
    with pytest.raises(PiiUnavailable):  # another account's texts are not known by it
        await blind.mask(envelope("t_two"), orjson.dumps(chat(text)))
    await room.put(policies=[{"id": "open", "types": {"EMAIL": False, "PERSON": False, "LOCATION": False}}])
    with pytest.raises(PiiUnavailable):  # nor what other rules would find
        await blind.mask(envelope(policy="open"), orjson.dumps(chat(text)))


async def test_a_type_that_a_policy_turns_off_leaves_as_it_is(room: Room) -> None:
    assert not (
        await room.put(policies=[{"id": "open", "types": {"EMAIL": False, "PERSON": False, "LOCATION": False}}])
    ).HasField("failure")
    assert (await room.mask(chat(), policy="open")).body is None
    assert (await room.mask(chat())).body is not None  # only where it is named
    await room.put(
        default="open", policies=[{"id": "open", "types": {"EMAIL": False, "PERSON": False, "LOCATION": False}}]
    )
    assert (await room.mask(chat())).body is None
    await room.put(
        keys={"k_one": "open"}, policies=[{"id": "open", "types": {"EMAIL": False, "PERSON": False, "LOCATION": False}}]
    )
    assert (await room.mask(chat())).policy == "open"


async def test_a_policy_nobody_has_is_the_callers_mistake(room: Room) -> None:
    await room.put("t_two", policies=[{"id": "theirs"}])
    with pytest.raises(InvalidRequest) as caught:
        await room.mask(chat(), policy="theirs")
    assert caught.value.param == "pii_policy"


async def test_policies_that_cannot_be_read_refuse_everything(room: Room) -> None:
    await room.bus.put("policies", "t_one", b'{"policies":[{"id":1}]}')
    await asyncio.sleep(0.05)
    with pytest.raises(PiiUnavailable):
        await room.mask(chat())
    await room.mask(chat(), "t_two")


@pytest.mark.parametrize(
    ("said", "param"),
    [
        ({"default": "x"}, "pii.default"),
        ({"keys": {"k_one": "x"}}, "pii.keys.k_one"),
        ({"policies": [{"id": "a"}, {"id": "a"}]}, "pii.policies"),
        ({"policies": [{"id": "a", "strict": "very"}]}, "pii.policies.0.strict"),
        ({"policies": [{"id": "a", "patterns": [{"name": "p", "regex": "("}]}]}, "pii.policies.0.patterns.0.regex"),
        ({"audit_days": 0}, "pii.audit_days"),
        ({"audit_days": "9"}, "pii.audit_days"),
        ({"other": 1}, "pii.other"),
    ],
)
async def test_policies_that_make_no_sense_are_refused_by_name_and_not_kept(
    room: Room, said: dict[str, Any], param: str
) -> None:
    told = await room.put(**said)
    assert (told.failure.code, told.failure.param) == ("invalid_request", param)
    got = PiiTold.FromString(await room.desk.get(PiiPolicyAsk(tenant="t_one").SerializeToString()))
    assert orjson.loads(got.json)["policies"] == []


async def test_substitutes_of_one_conversation_are_not_those_of_another(room: Room) -> None:
    await room.put(default="talk", policies=[{"id": "talk", "scope": "conversation"}])
    with pytest.raises(InvalidRequest) as caught:
        await room.mask(chat())
    assert caught.value.param == "conversation_id"
    first, again, other = [await room.mask(chat(), conversation_id=name) for name in ("a", "a", "b")]
    assert first.body == again.body != other.body


async def test_a_secret_comes_back_unless_the_policy_says_never(room: Room) -> None:
    await room.put(policies=[{"id": "never", "restore_secrets": False}])
    text = f"The key is {KEY}, mail {MAIL}"
    for policy, comes_back in (("", True), ("never", False)):
        masked = await room.mask(chat(text), policy=policy)
        assert masked.body is not None
        assert masked.restoration is not None
        assert KEY.encode() not in masked.body
        said = orjson.loads(masked.body)["messages"][0]["content"]
        restored = masked.restoration.sentence(said)
        assert (KEY in restored) is comes_back
        assert MAIL in restored


async def test_images_pass_only_where_the_policy_says_so(room: Room) -> None:
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    body = {"messages": [{"role": "user", "content": [part, {"type": "text", "text": MAIL}]}]}
    with pytest.raises(PiiUnsupportedContent):
        await room.mask(body)
    await room.put(default="seen", policies=[{"id": "seen", "images": "allow"}])
    masked = await room.mask(body)
    assert masked.body is not None
    assert orjson.loads(masked.body)["messages"][0]["content"][0] == part
    assert masked.images == 1


async def test_what_stands_alone_is_known_by_its_key(room: Room) -> None:
    call = {"name": "f", "arguments": '{"date_of_birth":"1984-03-12"}'}
    calls = [{"id": "c", "type": "function", "function": call}]
    masked = await room.mask({"messages": [{"role": "assistant", "tool_calls": calls}]})
    assert masked.body is not None
    assert masked.counts == {"DATE_OF_BIRTH": 1}
    assert b"1984-03-12" not in masked.body


@pytest.mark.parametrize(
    ("asked", "said", "kind"),
    [
        ("What is your date of birth?", "March 12, 1984", "DATE_OF_BIRTH"),
        ("Votre date de naissance ?", "12 mars 1984", "DATE_OF_BIRTH"),
        ("Please give me your social insurance number.", "046454286", "SIN"),
        ("What is your password?", "hunter2horse", "SECRET"),
        ("Please enter your PIN:", "4821", "SECRET"),
    ],
)
async def test_what_answers_the_turn_before_is_known_by_what_was_asked(
    room: Room, asked: str, said: str, kind: str
) -> None:
    masked = await room.mask({"messages": [{"role": "assistant", "content": asked}, {"role": "user", "content": said}]})
    assert masked.body is not None
    assert masked.counts == {kind: 1}
    assert said.encode() not in masked.body


async def test_a_participant_s_name_and_an_end_user_s_id_may_be_joined_by_signs(room: Room) -> None:
    turns = [{"role": "user", "name": "Jane_Tremblay", "content": "Hello"}]
    masked = await room.mask({"messages": turns, "user": "luc.gagnon", "metadata": {"author": "luc.gagnon"}})
    assert masked.body is not None
    assert masked.counts == {"PERSON": 3}
    kept = {"messages": [turns[0] | {"name": "Planner_Agent"}], "user": "get_weather", "metadata": {"name": "main.py"}}
    assert (await room.mask(kept)).body is None


async def test_json_inside_of_a_text_keeps_its_escapes_whole_and_comes_back(room: Room) -> None:
    said = r'See: {"name": "Ren\u00e9 Tremblay", "note": "Call\nzoe.tremblay@clinique.ca", "sin": "\t046454286"'
    masked = await room.mask(chat(said))
    assert masked.body is not None
    assert masked.restoration is not None
    given = orjson.loads(masked.body)["messages"][0]["content"]
    document = orjson.loads(given.removeprefix("See: ") + "}")
    assert document["note"].startswith("Call\n")
    assert not {"tremblay", "zoe", "046454286", "Ren"} & set(re.split(r"\W", given))
    assert masked.restoration.sentence(given) == said.replace(r"\u00e9", "é")


def arguments(**given: Any) -> dict[str, Any]:
    call = {"name": "f", "arguments": orjson.dumps(given).decode()}
    said = {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": call}]}
    return {"messages": [{"role": "user", "content": f"Write to {MAIL}"}, said]}


@pytest.mark.parametrize("key", [MAIL, "zoe@x.example", "416-924-7731"])
async def test_a_key_that_is_personal_data_is_refused_because_keys_stay(room: Room, key: str) -> None:
    with pytest.raises(PiiUnsupportedContent) as caught:
        await room.mask(arguments(**{key: 1}))
    assert key not in caught.value.message


async def test_a_key_that_is_an_ordinary_word_or_two_passes(room: Room) -> None:
    assert (await room.mask(arguments(**{"First name of the guest": "x", "maxTokens": 3}))).body is not None


async def test_signed_thoughts_leave_as_they_are_and_are_refused_where_they_hold_an_original(room: Room) -> None:
    def body(thought: str) -> dict[str, Any]:
        thinking = {"type": "thinking", "thinking": thought, "signature": "c2ln"}
        said = {"role": "assistant", "content": [thinking, {"type": "text", "text": "Yes."}]}
        return {"messages": [{"role": "user", "content": f"Write to {MAIL}"}, said]}

    asked = envelope()
    asked.dialect = Dialect.DIALECT_ANTHROPIC_MESSAGES
    masked = await room.masker.mask(asked, orjson.dumps(body("They want a letter.")))
    assert masked.body is not None
    assert orjson.loads(masked.body)["messages"][1] == body("They want a letter.")["messages"][1]
    with pytest.raises(PiiUnsupportedContent) as caught:
        await room.masker.mask(asked, orjson.dumps(body(f"Their address is {MAIL.upper()}, I think.")))
    assert caught.value.param == "messages[1].content[0].thinking"


def thought(name: str, thinking: str) -> bytes:
    block = {"type": "thinking", "thinking": thinking, "signature": "c2ln"}
    call = {"type": "tool_use", "id": "t", "name": "write", "input": {"to": name}}
    said = f"{name} (416-924-7731) wants a letter. Thanks, {name.partition(' ')[0]} is nice."
    return orjson.dumps(
        {"messages": [{"role": "user", "content": said}, {"role": "assistant", "content": [block, call]}]}
    )


async def test_what_a_model_thought_of_substitutes_keeps_them_in_the_next_turn(room: Room) -> None:
    asked = envelope()
    asked.dialect = Dialect.DIALECT_ANTHROPIC_MESSAGES
    first = await room.masker.mask(asked, thought("Jane Tremblay", "They want a letter."))
    assert first.body is not None
    told = orjson.loads(first.body)["messages"][0]["content"]
    second = await room.masker.mask(asked, thought("Jane Tremblay", told))
    assert second.body is not None
    assert second.restoration is not None
    assert orjson.loads(second.body)["messages"][0]["content"] == told
    assert second.restoration.sentence(told).startswith("Jane Tremblay (416-924-7731)")


async def test_a_thought_may_hold_a_word_that_is_somebody_s_name_elsewhere(room: Room) -> None:
    asked = envelope()
    asked.dialect = Dialect.DIALECT_ANTHROPIC_MESSAGES
    assert (await room.masker.mask(asked, thought("Will Smith", "I will write. Will they read it?"))).body is not None
    for told in ("The letter is for Will.", "It is for will smith."):
        with pytest.raises(PiiUnsupportedContent):
            await room.masker.mask(asked, thought("Will Smith", told))


async def test_whatever_falls_is_a_refusal_that_quotes_nothing(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(PiiUnavailable) as caught:
        await room.mask(b'{"messages": "' + MAIL.encode())  # no JSON: the edge never sends that
    assert MAIL not in caught.value.message
    assert caught.value.__cause__ is None
    assert MAIL not in caplog.text


async def test_a_large_prompt_lets_others_have_their_turn(room: Room) -> None:
    text = f"Line {{}} of the letter to {MAIL} about the weather in the north.\n"
    large = chat("".join(text.format(n) for n in range(4_000)))
    gaps: list[float] = []  # of our own time: what others do on the machine is not ours to judge

    async def stream() -> None:
        last = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            gaps.append(now - last)
            last = now

    gc.collect()
    gc.freeze()  # what tests before this one left behind is not looked through in the middle
    other = asyncio.create_task(stream())
    masked = await room.mask(large)
    other.cancel()
    gc.unfreeze()
    assert masked.body is not None
    assert MAIL.encode() not in masked.body
    assert max(gaps) < sum(gaps) / 8  # some 250 ms of work, in pieces


async def test_a_preview_is_what_would_leave(room: Room) -> None:
    desk = PreviewDesk(masker=room.masker, mask_s=5.0)
    for body in (chat(), {"text": f"Write to {MAIL} today"}):
        ask = PreviewAsk(tenant="t_one", key_id="k_one", body=orjson.dumps(body))
        told = orjson.loads(PiiTold.FromString(await desk.preview(ask.SerializeToString())).json)
        (entity,) = told["entities"]
        assert f"Write to {MAIL} today"[entity["start"] : entity["end"]] == MAIL
        assert entity["substitute"].encode() in orjson.dumps(told["substituted"])
        assert MAIL.encode() not in orjson.dumps(told)
    leaves = await room.mask(chat())
    assert leaves.body is not None
    ask = PreviewAsk(tenant="t_one", key_id="k_one", body=orjson.dumps(chat()))
    told = orjson.loads(PiiTold.FromString(await desk.preview(ask.SerializeToString())).json)
    assert orjson.dumps(told["substituted"]) == leaves.body


async def test_a_value_that_one_text_gives_away_is_found_in_the_others(room: Room) -> None:
    body = {
        "messages": [
            {"role": "user", "content": "My date of birth: 1985-03-12, passport number AB123456."},
            {"role": "user", "content": "Is 1985-03-12 right, and ab123456?"},
        ]
    }
    masked = await room.mask(body)
    assert masked.body is not None
    assert b"1985-03-12" not in masked.body
    assert b"b123456" not in masked.body.lower()
