"""The contents of a generateContent request: roles in turn, parts of one kind each, calls answered, signatures held."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from services.sandbox.gemini.media import inline, linked
from services.sandbox.gemini.refusals import invalid, unable
from services.sandbox.gemini.signatures import genuine

Json = Mapping[str, Any]  # canonical, not yet validated

_DATA = (
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
)
_FUNCTION_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}")
_MUST_SIGN = re.compile(r"gemini-[3-9]")


@dataclass(kw_only=True)
class Turn:
    """One content as it was read. `calls` are (id, name), an id empty where there was none."""

    role: str
    text: str
    results: list[str] = field(default_factory=list)
    media: list[str] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    answers: list[tuple[str, str]] = field(default_factory=list)


def turns_in(contents: Sequence[Json], model: str) -> list[Turn]:
    """Every content valid and in order; raises Refusal.

    Google's SDK sends a streamed answer back as one content for each chunk, so the model may speak several times in
    a row, and its calls are waited for together.
    """
    if not contents:
        raise unable("at least one contents field is required.")
    turns: list[Turn] = []
    waiting: list[tuple[str, str]] = []
    for i, content in enumerate(contents):
        turn = _turn(content, i)
        if turn.role == "user":
            _answered(turn, waiting)
            waiting = []
        elif not turns:
            raise invalid("Please ensure that multiturn requests begin with a user role.")
        waiting += turn.calls
        turns.append(turn)
    if turns[-1].role != "user":
        raise invalid("Please ensure that multiturn requests end with a user role or a function response.")
    if _MUST_SIGN.search(model):
        _calls_signed(contents, turns)
    return turns


def system_in(content: Json | None) -> str:
    """The text of a system instruction, which holds nothing but text; raises Refusal."""
    parts = [] if content is None else content.get("parts") or []
    if content is not None and not parts:
        raise unable("it must include at least one parts field, which describes the prompt input.")
    if any("text" not in part for part in parts):
        raise unable("the system instruction may hold text only.")
    return "\n".join(part["text"] for part in parts)


def _turn(content: Json, i: int) -> Turn:
    role = content.get("role", "")
    # "function" is what older SDKs call a turn of function responses.
    if role not in {"user", "model", "function"}:
        raise invalid("Please use a valid role: user, model.")
    parts = content.get("parts") or []
    if not parts:
        raise unable("it must include at least one parts field, which describes the prompt input.")
    turn = Turn(role="model" if role == "model" else "user", text="")
    texts: list[str] = []
    for k, part in enumerate(parts):
        where = f"contents[{i}].parts[{k}]"
        _part(part, turn, texts, where)
        signature = part.get("thoughtSignature")
        if signature is not None and not genuine(signature, part):
            raise unable("Thought signature is not valid.")
    turn.text = "\n".join(texts) if turn.role == "user" else "".join(texts)
    return turn


def _part(part: Json, turn: Turn, texts: list[str], where: str) -> None:
    kinds = [kind for kind in _DATA if kind in part]
    if len(kinds) != 1:
        raise invalid(f"{where}.data: required oneof field 'data' must have one initialized field", f"{where}.data")
    match kinds[0]:
        case "text":
            # A model's empty text is the end of its own stream, sent back by Google's SDK as it came.
            if not part["text"] and turn.role == "user":
                raise unable("it has an empty text parameter. Add a value to the parameter and try again.")
            if not part.get("thought"):
                texts.append(part["text"])
        case "inlineData":
            turn.media.append(inline(part["inlineData"], where))
        case "fileData":
            turn.media.append(linked(part["fileData"]))
        case "functionCall":
            turn.calls.append(_call(part["functionCall"], turn, where))
        case "functionResponse":
            _response(part["functionResponse"], turn, where)
        case _:
            pass


def _call(call: Json, turn: Turn, where: str) -> tuple[str, str]:
    if turn.role != "model":
        raise invalid("Please ensure that function calls are in a turn of the role model.")
    return call.get("id", ""), _named(call, f"{where}.function_call")


def _response(response: Json, turn: Turn, where: str) -> None:
    if turn.role != "user":
        raise invalid("Please ensure that function responses are in a turn of the role user.")
    turn.answers.append((response.get("id", ""), _named(response, f"{where}.function_response")))
    said = response.get("response")
    if said is None:
        raise invalid(f"{where}.function_response.response: required field is not set", where)
    # A lone `result` or `output` is what a tool said; anything else is shown as it is.
    lone = next(iter(said.values())) if set(said) in ({"result"}, {"output"}) else said
    turn.results.append(lone if isinstance(lone, str) else orjson.dumps(lone).decode())


def _named(value: Json, where: str) -> str:
    name = value.get("name", "")
    if not _FUNCTION_NAME.fullmatch(name):
        raise invalid(f"{where}.name: [FIELD_INVALID] Name cannot be empty or hold other than letters, digits and _.:-")
    return str(name)


def _answered(turn: Turn, calls: Sequence[tuple[str, str]]) -> None:
    """One response for each call, in the turn right after them."""
    if turn.answers and not calls:
        raise invalid("Please ensure that function response turn comes immediately after a function call turn.")
    if len(turn.answers) != len(calls):
        raise invalid(
            "Please ensure that the number of function response parts is equal to the number of function call parts "
            "of the function call turn."
        )
    if sorted(name for _, name in turn.answers) != sorted(name for _, name in calls):
        raise invalid("Please ensure that the names of the function responses are those of the function calls.")
    known = dict(calls)
    if any(given and known.get(given) != name for given, name in turn.answers):
        raise invalid("Please ensure that the id of each function response is that of its function call.")


def _calls_signed(contents: Sequence[Json], turns: Sequence[Turn]) -> None:
    """The first call of each step since the user last spoke carries a signature.

    https://cloud.google.com/vertex-ai/generative-ai/docs/thought-signatures
    """
    spoke = max(i for i, turn in enumerate(turns) if turn.role == "user" and not turn.answers)
    first = True
    for i in range(spoke + 1, len(turns)):
        if turns[i].role == "user":
            first = True
        for part in contents[i]["parts"]:
            if first and "functionCall" in part and "thoughtSignature" not in part:
                raise unable(
                    f"function call `{part['functionCall']['name']}` in the {i + 1}. content block is missing a "
                    "`thought_signature`. Learn more: "
                    "https://cloud.google.com/vertex-ai/generative-ai/docs/thought-signatures"
                )
            first = first and "functionCall" not in part
