"""The rows of the matrix: short conversations with the sandbox's models, and what must come back on every route."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.clients.asking import png
from tests.clients.matrix.conversation import Asker, Seen, Talk, Tool, Wish

WEATHER = Tool(
    name="get_weather",
    schema={
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city", "days"],
        "additionalProperties": False,
    },
)
CLOCK = Tool(name="get_time", schema={"type": "object", "properties": {}, "additionalProperties": False})
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
_REFUSED = 400
_BROKEN_AFTER = 3  # pieces
_THROTTLED = 429


@dataclass(frozen=True, kw_only=True)
class Place:
    """One cell's address: who asks, on which route, streamed or not."""

    asker: Asker
    route: str
    stream: bool

    async def say(self, text: str, wish: Wish, talk: Talk | None = None, image: bytes = b"") -> tuple[Talk, Seen]:
        """One user turn and its answer, in a talk of its own unless one is given."""
        talk = talk or Talk()
        self.asker.user(talk, text, image)
        return talk, await self.asker.ask(talk, self.route, wish, stream=self.stream)


Scenario = Callable[[Place], Awaitable[Seen]]


async def plain(at: Place) -> Seen:
    """Text, a stop reason, usage."""
    _, seen = await at.say("Repeat this line exactly: bonjour à tous 🍁", Wish())
    _answered(seen)
    assert (seen.text, seen.end, seen.calls) == ("bonjour à tous 🍁", "end", ())
    return seen


async def tools(at: Place) -> Seen:
    """A forced call, arguments whole."""
    _, seen = await at.say("Montreal please", Wish(tools=(WEATHER, CLOCK), forced="get_weather"))
    _answered(seen)
    assert [call.name for call in seen.calls] == ["get_weather"]
    assert set(seen.calls[0].arguments) == {"city", "days"}
    assert seen.end in {"tools", "end"}  # OpenAI's own answer to a forced call ends with `stop`
    return seen


async def parallel_tools(at: Place) -> Seen:
    """Two calls at once, one of them without arguments, and both results taken back."""
    wish = Wish(tools=(WEATHER, CLOCK))
    talk, seen = await at.say("use the tools get_weather and get_time", wish)
    _answered(seen)
    assert [call.name for call in seen.calls] == ["get_weather", "get_time"]
    assert len({call.id for call in seen.calls}) == len(seen.calls)
    assert seen.calls[1].arguments == {}
    assert seen.end == "tools"
    at.asker.results(talk, seen, ["sunny", "noon"])
    answer = await at.asker.ask(talk, at.route, wish, stream=at.stream)
    _answered(answer)
    assert answer.end == "end"
    assert "noon" in answer.text or "sunny" in answer.text
    return answer


async def tool_loop(at: Place) -> Seen:
    """Three turns with a call each; then a sentence about the last result."""
    return await _loop(at, Wish(tools=(WEATHER, CLOCK)))


async def thinking_and_tools(at: Place) -> Seen:
    """The same while thinking: signatures go back as they came, or the provider would refuse the second turn."""
    return await _loop(at, Wish(tools=(WEATHER, CLOCK), thinking=True, max_tokens=4000))


async def _loop(at: Place, wish: Wish) -> Seen:
    talk = Talk()
    seen = Seen()
    for turn, name in enumerate(("get_weather", "get_time", "get_weather")):
        _, seen = await at.say(f"Now use the tool {name}", wish, talk)
        _answered(seen)
        assert [call.name for call in seen.calls] == [name], turn
        assert seen.end == "tools", turn
        # OpenAI counts its thoughts and shows none; elsewhere they are shown, or the wish is named as dropped.
        assert not wish.thinking or seen.thought or seen.dropped or at.route.startswith("openai/"), turn
        at.asker.results(talk, seen, [f"result {turn}"])
        seen = await at.asker.ask(talk, at.route, wish, stream=at.stream)
        _answered(seen)
        assert f"result {turn}" in seen.text, turn
        talk.messages.append(seen.turn)
    return seen


async def image(at: Place) -> Seen:
    """The image's own bytes arrive."""
    picture = png()
    _, seen = await at.say("What is this?", Wish(), image=picture)
    _answered(seen)
    assert f"image/png of {len(picture)} bytes" in seen.text
    return seen


async def json_schema(at: Place) -> Seen:
    """An answer that fits the schema."""
    _, seen = await at.say("Someone", Wish(schema=PERSON))
    _answered(seen)
    person = json.loads(seen.text)
    assert set(person) == {"name", "age"}
    assert isinstance(person["age"], int)
    return seen


async def max_tokens(at: Place) -> Seen:
    """Cut by length, and said so."""
    _, seen = await at.say("[[sandbox chunks=40]]", Wish(max_tokens=5))
    _answered(seen)
    assert seen.end == "length"
    assert seen.output_tokens <= 5
    return seen


async def refusal(at: Place) -> Seen:
    """A refusal is no ordinary end."""
    _, seen = await at.say("refuse this", Wish())
    assert seen.status == 200, seen
    assert not seen.error, seen
    assert seen.end == "refusal"
    return seen


async def error(at: Place) -> Seen:
    """The provider's 429, in the SDK's own class, with its own status."""
    _, seen = await at.say("[[sandbox status=429 retry_after=7]]", Wish())
    assert (seen.status, seen.error) == (_THROTTLED, "RateLimitError"), seen
    return seen


async def mid_stream_error(at: Place) -> Seen:
    """What was said before the failure arrives, and then the failure: never a clean end."""
    _, seen = await at.say(f"[[sandbox chunks=9 error_after={_BROKEN_AFTER}]]", Wish())
    if not at.stream:
        _answered(seen)  # there is no middle of an answer that comes whole
        return seen
    assert seen.error, seen
    assert seen.text.startswith("w0 w1"), seen
    return seen


class RefusedError(AssertionError):
    """The request was refused; `seen` says how."""

    def __init__(self, seen: Seen) -> None:
        super().__init__(f"{seen.status} {seen.error}: {seen.message}")
        self.seen = seen


async def refused(at: Place, scenario: Scenario) -> Seen:
    """The scenario where the route cannot honour it: a 400 in the SDK's own class that says what to do."""
    try:
        await scenario(at)
    except RefusedError as error:
        seen = error.seen
        assert (seen.status, seen.error) == (_REFUSED, "BadRequestError"), seen
        assert "not " in seen.message, seen
        return seen
    raise AssertionError("this route is said not to have it, and answered")


def _answered(seen: Seen) -> None:
    if seen.error:
        raise RefusedError(seen)
    assert seen.input_tokens > 0, "no input tokens"
    assert seen.output_tokens > 0, "no output tokens"


SCENARIOS: dict[str, Scenario] = {
    "plain": plain,
    "tools": tools,
    "parallel tools": parallel_tools,
    "tool loop": tool_loop,
    "image": image,
    "thinking + tools": thinking_and_tools,
    "JSON schema": json_schema,
    "max tokens": max_tokens,
    "refusal": refusal,
    "error": error,
    "mid-stream error": mid_stream_error,
}
