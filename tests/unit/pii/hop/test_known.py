"""Conversations that were seen before: what is known of them changes nothing but the time it takes."""

import gc
import math
import random
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from types import FunctionType, ModuleType
from typing import Any, Final

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.bus.memory import MemoryBus
from libs.contracts.errors import NorthernError
from libs.contracts.northern.v1.envelope_pb2 import Dialect, Envelope, PiiAsk, Shape
from libs.telemetry.metrics import Metrics
from services.pii.account_policies.watched import Policies
from services.pii.entities import Entity, EntityType
from services.pii.hop.base import Masked
from services.pii.hop.finding import Detecting, Finder
from services.pii.hop.known.aging import IDLE_S
from services.pii.hop.known.conversations import Conversations
from services.pii.hop.masking import Masker
from services.pii.hop.spans import Spans
from services.pii.recognizers.detector import Detector, load_detector
from services.pii.recognizers.rules import Rules
from tests.support.broker import until

DETECTOR: Detector = load_detector()
POLICIES = {
    "policies": [
        {"id": "plain"},
        {"id": "mask", "strict": "mask"},
        {"id": "refuse", "strict": "refuse"},
        {"id": "never", "restore_secrets": False},
        {"id": "talk", "scope": "conversation", "deny": ["Project Heron"]},
    ]
}
SAID = (
    "My name is Jane Doe, mail jane.doe@clinique.ca, phone 514-924-7731.",
    "Is jane right, or JANE DOE? ask jdoe.",
    "Dr. Olena Kovalenko was born on 12 March 1984 and lives at 12 Main Street, Winnipeg, MB R3C 4T3.",
    "Olena called. Kovalenko did not. Her date of birth: 1984-03-12.",
    "The weather is fine and the plan of the third quarter still holds.",
    "The key is sk-proj-Zk3vQ8mN2xR7tY5wL9pD4sF6hJ1gB0cA, for Project Heron.",
    "Server 142.250.31.99 answered, 142.250.31.12 did not; 192.0.2.7 and 198.51.100.20 are examples.",
    "SIN 046 454 286, card 4111 1111 1111 1111, again 4111-1111-1111-1111, ends in 1111.",
    "IBAN GB29 NWBK 6016 1331 9268 19, passport number AB123456, then ab123456.",
    "Marie-Claude Tremblay habite à Québec; RAMQ TREM 8403 1212; née le 12 mars 1984.",
    "See https://example.org/users/jane.doe?id=48213 and tremblay@videotron.ca in Canada.",
    "555 0142, 2019, 10 April 1984 and 11 March 1984.",
    "An unlikely one: call 4169247731 or 416 924 7731 about account 00312-003-1234567.",
)


# What `Plain` finds, and the same where it does not find it by itself.
MARKED = (
    "name: Jane Dover.", "name: Will Royer.", "name: Jane Royer", "name: Dover.", "at: Winnipeg.", "at: Moose Jaw.",
    "id: AB12345.", "born: 1984-03-12", "key: k3vQ8mN2xR7tY5wL9p", "ip: 142.250.31.99", "call: 514-924-7731",
)  # fmt: skip
BARE = (
    "jane dover", "Jane", "ask jane.", "will you?", "Will Royer", "J. Royer", "winnipeg", "Moose", "ab12345",
    "1984-03-12", "192.0.2.7 and 192.0.2.99", "12 March 1984", "5147315501", "555", "The weather is fine.",
)  # fmt: skip


class Plain:
    """A detector of what is marked, which finds nothing in what is not."""

    _TYPES: Final = {
        "name": EntityType.PERSON,
        "at": EntityType.LOCATION,
        "id": EntityType.PASSPORT,
        "born": EntityType.DATE_OF_BIRTH,
        "key": EntityType.SECRET,
        "ip": EntityType.IP,
        "call": EntityType.PHONE,
    }
    _MARKED: Final = re.compile(r"\b(name|at|id|born|key|ip|call): ((?:[A-Z]\w+ )?[\w-]+(?:\.\d+){0,3})")

    def pieces(self, text: str, rules: Rules) -> Iterator[list[Entity]]:
        yield [
            Entity(start=one.start(2), end=one.end(2), type=self._TYPES[one[1]], score=0.9, recognizer="p", kind=one[1])
            for one in self._MARKED.finditer(text)
            if self._TYPES[one[1]] in rules.types
        ]


class Watched:
    """A detector that says which texts it was shown."""

    def __init__(self, detector: Detecting) -> None:
        self.detector = detector
        self.shown: list[str] = []

    def pieces(self, text: str, rules: Rules) -> Iterator[list[Entity]]:
        self.shown.append(text)
        return self.detector.pieces(text, rules)


class Room:
    """One masker that remembers, and as many as are asked for that never saw anything."""

    def __init__(self, policies: Policies, detector: Detecting = DETECTOR) -> None:
        self.policies = policies
        self.conversations = Conversations(least=0)
        self.spans = Spans(1_000)
        self.watched = Watched(detector)
        self.knowing = self.masker(self.conversations)

    def masker(self, conversations: Conversations) -> Masker:
        finder = Finder(detector=self.watched, spans=self.spans)
        return Masker(policies=self.policies, finder=finder, master=b"m" * 32, conversations=conversations)

    async def known(self, body: dict[str, Any], policy: str = "", tenant: str = "t_one") -> Masked | str:
        return await masked(self.knowing, body, policy, tenant)

    async def anew(self, body: dict[str, Any], policy: str = "", tenant: str = "t_one") -> Masked | str:
        return await masked(self.masker(Conversations(least=1 << 30)), body, policy, tenant)


async def masked(masker: Masker, body: dict[str, Any], policy: str, tenant: str) -> Masked | str:
    """What comes of it, or the code of what refuses it."""
    asked = Envelope(
        tenant=tenant,
        key_id="k_one",
        dialect=Dialect.DIALECT_OPENAI_CHAT,
        pii=PiiAsk(policy=policy, conversation_id="c_one"),
        shape=Shape(text_bytes=1_000, last_user_turn=body["messages"][-1]["content"]),
    )
    try:
        return await masker.mask(asked, orjson.dumps(body))
    except NorthernError as error:
        return f"{error.code} {error.message}"


def chat(turns: Sequence[str], **more: Any) -> dict[str, Any]:
    return {
        "messages": [{"role": ("user", "assistant")[at % 2], "content": one} for at, one in enumerate(turns)],
        **more,
    }


def same(one: Masked | str, other: Masked | str) -> None:
    """Byte for byte, and all that an answer could be restored to."""
    if isinstance(one, str) or isinstance(other, str):
        assert one == other
        return
    assert (one.body, one.last_user_turn, one.text_bytes) == (other.body, other.last_user_turn, other.text_bytes)
    assert (dict(one.counts), [*one.listed], one.unlisted) == (dict(other.counts), [*other.listed], other.unlisted)
    assert (one.restoration is None) is (other.restoration is None)
    if one.restoration is not None and other.restoration is not None and one.body is not None:
        for form in forms(one):
            assert one.restoration.sentence(form) == other.restoration.sentence(form)


def forms(one: Masked) -> Iterator[str]:
    """What a model may make of what it was sent."""
    assert one.body is not None
    said = " ".join(each["content"] for each in orjson.loads(one.body)["messages"])
    yield from (said, said.upper(), said.replace(" ", "\u00a0"), said.replace("-", ""), said.replace(" ", "-"))
    for each in one.listed:
        words = each.substitute.split()
        digits = "".join(filter(str.isdecimal, each.substitute))
        yield f"Mr. {words[-1]}; {words[0][:1]}. {words[-1]}; {words[0]} {words[-1][:1]}; {words[-1]}, {words[0]}."
        yield f"It ends in {digits[-4:]}: {digits}, {digits[:3]}-{digits[3:6]}-{digits[6:]}."


async def policies_of(*tenants: str) -> Policies:
    bus = MemoryBus()
    for tenant in tenants:
        await bus.put("policies", tenant, orjson.dumps(POLICIES))
    made = Policies(bus, Metrics())
    await made.start()
    await until(lambda: all(made.of_account(tenant).policies for tenant in tenants))
    return made


@pytest.fixture
async def policies() -> AsyncIterator[Policies]:
    made = await policies_of("t_one", "t_two")
    yield made
    await made.close()


def change(turns: list[str], drawn: random.Random, new: Callable[[], str], sent: Sequence[str]) -> list[str]:
    """A conversation as it goes on: it grows, mostly."""
    match drawn.randrange(10):
        case 0 if len(turns) > 1:
            turns[drawn.randrange(len(turns))] = new()
        case 1 if len(turns) > 1:
            turns.pop()
        case 2 if len(turns) > 1:
            first, second = drawn.sample(range(len(turns)), 2)
            turns[first], turns[second] = turns[second], turns[first]
        case 3 if sent:
            # What was sent comes back: a substitute in the prompt has to make way.
            at = drawn.randrange(len(sent))
            turns += ["Fine.", " ".join(sent[at : at + drawn.randrange(1, 9)])]
        case 4 if sent:
            turns += [f"{drawn.choice(sent)[:1].upper()}. {drawn.choice(('Dover', 'Royer', 'Doe'))} came."]
        case 5:
            turns += [new().lower()]
        case _:
            turns += [new() for _ in range(drawn.randrange(1, 3))]
    return turns


def besides(drawn: random.Random, new: Callable[[], str], sent: Sequence[str]) -> dict[str, Any]:
    """Tools, whose names and keys are kept."""
    if drawn.randrange(2):
        return {}
    words = [word for word in sent if word.isalnum()] or ["find"]
    name = drawn.choice(words)
    shown: dict[str, Any] = {"type": "object", "properties": {drawn.choice(words): {"type": "string"}}}
    if not drawn.randrange(4):
        shown["description"] = new()  # it stands before the first turn
    return {"tools": [{"type": "function", "function": {"name": name, "parameters": shown}}]}


async def try_out(seed: int, policy: str, detector: Detecting, new: Callable[[random.Random], str]) -> None:
    """One conversation, and whether each of its requests comes to the same."""
    policies = await policies_of("t_one")
    room, drawn = Room(policies, detector), random.Random(seed)
    turns, more, sent = [new(drawn)], dict[str, Any](), list[str]()
    for _ in range(7):
        body = orjson.dumps(chat(turns, **more))
        known = await room.known(orjson.loads(body), policy)
        same(known, await room.anew(orjson.loads(body), policy))
        if isinstance(known, Masked) and known.body is not None:
            sent += " ".join(each["content"] for each in orjson.loads(known.body)["messages"]).split()
        turns = change(turns, drawn, lambda: new(drawn), sent)
        if not drawn.randrange(3):
            more = besides(drawn, lambda: new(drawn), sent)
    await policies.close()


@given(seed=st.integers(0, 2**32), policy=st.sampled_from(["plain", "mask", "refuse", "never", "talk"]))
@settings(max_examples=30)
async def test_a_conversation_comes_to_the_same_whether_it_was_seen_before_or_not(seed: int, policy: str) -> None:
    await try_out(seed, policy, DETECTOR, lambda drawn: " ".join(drawn.sample(SAID, drawn.randrange(1, 3))))


@given(seed=st.integers(0, 2**32), policy=st.sampled_from(["plain", "never"]))
@settings(max_examples=100)
async def test_it_does_where_only_one_turn_gives_away_what_stands_in_all(seed: int, policy: str) -> None:
    await try_out(
        seed, policy, Plain(), lambda drawn: " ".join([*drawn.sample(MARKED, drawn.randrange(3)), drawn.choice(BARE)])
    )


async def test_of_a_conversation_that_grows_only_what_is_new_is_looked_at(policies: Policies) -> None:
    room = Room(policies)
    first = chat([SAID[0], SAID[4], SAID[2]])
    await room.known(first)
    room.spans.sweep(math.inf)
    room.watched.shown.clear()
    more = chat([SAID[0], SAID[4], SAID[2], "Thanks, Jane.", SAID[7]])
    known = await room.known(more)
    assert room.watched.shown == ["Thanks, Jane.", SAID[7]]
    same(known, await room.anew(more))


async def test_forms_that_were_given_up_stay_given_up(policies: Policies) -> None:
    room = Room(policies, Plain())
    turns = ["name: Jane Dover."]
    first = await room.known(chat(turns))
    assert isinstance(first, Masked)
    # What the model may make of the substitute is the original itself here, so that no such form can come back.
    turns += [f"{first.listed[0].substitute[0]}. Dover came.", "The weather is fine."]
    await room.known(chat(turns))  # whose answer nobody restores
    for more in ("Dover?", "Dover."):
        turns += [more]
        same(await room.known(chat(turns)), await room.anew(chat(turns)))
        ((_, known), *_) = reversed(room.conversations._known.values())
        assert (known.count, known.offers) == (len(turns), False)


async def test_what_waits_for_an_answer_holds_no_text(policies: Policies) -> None:
    room = Room(policies)
    turns = ["The weather is fine. " * 1_000 + SAID[0]]
    for more in ([], [SAID[4], SAID[4]], [SAID[2]]):  # anew, known, and learnt again
        turns += more
        done = await room.known(chat(turns))
        assert isinstance(done, Masked)
        gc.collect()
        reached, left = set[int](), list[object]([done.restoration])
        while left:
            one = left.pop()
            if id(one) not in reached and not isinstance(one, type | ModuleType):
                reached.add(id(one))
                assert not (isinstance(one, str) and "The weather is fine" in one and len(one) > 8_000)
                left += gc.get_referents(one) if not isinstance(one, FunctionType) else [*(one.__closure__ or ())]


async def test_an_account_does_not_know_what_another_one_said(policies: Policies) -> None:
    room = Room(policies)
    said = chat([SAID[0], SAID[4]])
    await room.known(said)
    room.spans.sweep(math.inf)
    room.watched.shown.clear()
    await room.known(said, tenant="t_two")
    assert room.watched.shown == [SAID[0], SAID[4]]


async def test_nothing_that_is_remembered_holds_an_original(policies: Policies) -> None:
    room = Room(policies)
    turns: list[str] = []
    for one in SAID:
        turns += [one, "Fine."]
        done = await room.known(chat(turns))
        assert isinstance(done, Masked)
        if done.restoration is not None:
            done.restoration.sentence("Fine.")
    held = repr([*room.conversations._known.items()])
    assert "first" in held
    for original in (
        "Jane", "jane", "doe", "Doe", "clinique", "924-7731", "9247731", "Olena", "kovalenko", "1984-03-12",
        "Winnipeg", "winnipeg", "R3C", "Zk3vQ8", "142.250", "046 454", "046454", "4111 1111", "41111111", "NWBK",
        "60161331", "AB123456", "ab123456", "Tremblay", "tremblay", "TREM", "videotron", "48213", "1234567", "Heron",
    ):  # fmt: skip
        assert original not in held


async def test_it_stays_within_its_bounds_and_counts_what_it_holds(policies: Policies) -> None:
    room = Room(policies)
    room.knowing.conversations.__init__(most_bytes=60_000, most=5, least=0)  # type: ignore[misc]
    for number in range(40):
        await room.known(chat([f"{number}: {SAID[0]}", SAID[2], f"{SAID[7]} {number % 7}"]))
        assert len(room.conversations) <= 5
        assert room.conversations.held <= 60_000
    for name in [*room.conversations._known]:
        room.conversations.forget(name)
    assert room.conversations.held == 0
    assert not room.conversations._used


async def test_a_conversation_that_takes_too_much_is_not_remembered(policies: Policies) -> None:
    room = Room(policies)
    room.knowing.conversations.__init__(most_bytes=8_000, least=0)  # type: ignore[misc]
    await room.known(chat([" ".join(SAID)]))
    assert len(room.conversations) == 0


async def test_what_nobody_asked_for_is_forgotten_in_time(policies: Policies) -> None:
    room, now = Room(policies), 1_000.0
    clock: Callable[[], float] = lambda: now  # noqa: E731
    room.conversations._aging.now = clock
    room.spans._aging.now = clock
    await room.known(chat([SAID[0], SAID[2]]))
    assert len(room.conversations) == 1
    now += IDLE_S / 2
    await room.known(chat([SAID[0], SAID[7]]))
    now += IDLE_S / 2 + 1
    room.conversations._aging.over()
    room.spans._aging.over()
    assert len(room.conversations) == 1
    assert len(room.spans) == 2
    now += IDLE_S
    room.conversations._aging.over()
    room.spans._aging.over()
    assert len(room.conversations) == len(room.spans) == 0
