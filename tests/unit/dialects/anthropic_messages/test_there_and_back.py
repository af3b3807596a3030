"""What is written in Anthropic's dialect and read again means the same."""

from hypothesis import given
from hypothesis import strategies as st

from libs.dialects.anthropic_messages.outgoing import write_request
from libs.dialects.anthropic_messages.request import read_request
from libs.dialects.form import (
    Cache,
    Document,
    Image,
    Part,
    Reasoning,
    Request,
    Role,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from libs.dialects.models import ModelFlags
from tests.unit.dialects.anthropic_messages.turns import PNG, assistant, user

WORDS = st.text(min_size=1, max_size=8).filter(str.strip)
CACHE = st.sampled_from(Cache)
SAID = st.builds(Text, text=WORDS, cache=CACHE)
SEEN = st.just(Image(media_type="image/png", data=PNG)) | st.builds(Image, url=st.just("https://h/i"), cache=CACHE)
READ = st.builds(Document, media_type=st.just("text/plain"), text=WORDS, name=WORDS, cache=CACHE)
SIGNATURES = st.from_regex(r"[A-Za-z0-9+/]{1,9}=", fullmatch=True)
THOUGHT = st.builds(Reasoning, text=st.text(max_size=5), signature=SIGNATURES)
ARGUMENTS = st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=4), max_size=2)
TOOLS = st.builds(Tool, name=st.just("f"), description=WORDS, schema=st.just({"type": "object"}), strict=st.booleans())


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Turn, ...]:
    turns: list[Turn] = []
    for round_ in range(draw(st.integers(1, 3))):
        said = draw(st.lists(SAID | SEEN | READ, min_size=1, max_size=3))
        turns.append(user(*said))
        ids = [f"call-{round_}-{at}" for at in range(draw(st.integers(0, 2)))]
        calls = [ToolCall(id=id_, name="f", arguments=draw(ARGUMENTS)) for id_ in ids]
        turns.append(assistant(*draw(st.lists(THOUGHT, max_size=1)), draw(SAID), *calls))
        results = [ToolResult(id=id_, parts=tuple(draw(st.lists(SAID | SEEN, max_size=2)))) for id_ in ids]
        turns.append(user(*results, draw(SAID)))
    return tuple(turns)


def merged(turns: tuple[Turn, ...]) -> list[tuple[Role, list[Part]]]:
    out: list[tuple[Role, list[Part]]] = []
    for turn in turns:
        if out and out[-1][0] is turn.role:
            out[-1][1].extend(turn.parts)
        else:
            out.append((turn.role, list(turn.parts)))
    for _, parts in out:
        parts.sort(key=lambda part: not isinstance(part, ToolResult))
    return out


@given(
    conversations(),
    st.lists(SAID, max_size=2),
    TOOLS,
    st.sampled_from([ToolChoice(), ToolChoice(kind="none"), ToolChoice(kind="required")]),
    st.integers(1, 10_000),
    st.floats(0, 1),
)
def test_there_and_back_the_meaning_is_kept(
    turns: tuple[Turn, ...], system: list[Text], tool: Tool, choice: ToolChoice, length: int, temperature: float
) -> None:
    request = Request(
        turns=turns,
        system=tuple(system),
        tools=(tool,),
        tool_choice=choice,
        max_tokens=length,
        temperature=temperature,
        stop=("END",),
        hints={"user": "u"},
    )
    back = read_request(write_request(request, ModelFlags()).body)
    assert merged(back.turns) == merged(turns)
    for name in "system tools tool_choice max_tokens temperature stop hints demands".split():
        assert getattr(back, name) == getattr(request, name)
