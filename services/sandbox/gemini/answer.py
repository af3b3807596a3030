"""The members of a generateContent answer: parts, usage, reasons, and the answer that holds them whole."""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from services.sandbox.domain import Answer, Call, Finish
from services.sandbox.gemini.request import GeminiAsk
from services.sandbox.gemini.signatures import of_call, of_text

Json = dict[str, Any]  # what goes on the wire

FINISH = {
    Finish.END: "STOP",
    Finish.LENGTH: "MAX_TOKENS",
    Finish.STOP_SEQUENCE: "STOP",
    Finish.TOOLS: "STOP",
    Finish.REFUSED: "SAFETY",
}
_CATEGORIES = ("HATE_SPEECH", "DANGEROUS_CONTENT", "HARASSMENT", "SEXUALLY_EXPLICIT")
_THIRD = "gemini-3"  # the generation from which on calls have ids and texts carry signatures
_BLOCK_PROMPT = "refuse this prompt"


def generated(ask: GeminiAsk, said: Answer, reply_id: str, create_time: str) -> bytes:
    """The body of a generateContent answer."""
    body: Json = {"usageMetadata": usage(ask, said)} | envelope(ask, reply_id, create_time)
    if prompt_is_blocked(ask, said):
        return orjson.dumps(prompt_feedback() | body)
    likely: Json = {} if ask.logprobs is None else logprobs(said.pieces, ask.logprobs)
    candidates = [candidate(i, whole_parts(ask, said, reply_id, i), said) | likely for i in range(ask.n)]
    return orjson.dumps({"candidates": candidates} | body)


def counted(ask: GeminiAsk, said: Answer) -> bytes:
    """The body of a countTokens answer."""
    details = [{"modality": "TEXT", "tokenCount": said.input_tokens}]
    return orjson.dumps(
        {
            "totalTokens": said.input_tokens,
            "totalBillableCharacters": ask.text_bytes,
            "promptTokensDetails": details,
        }
    )


def envelope(ask: GeminiAsk, reply_id: str, create_time: str) -> Json:
    return {"modelVersion": ask.model, "createTime": create_time, "responseId": reply_id}


def candidate(index: int, parts: Sequence[Json], said: Answer) -> Json:
    """One finished candidate; its index is left out where it is 0, and its content where it was refused."""
    found: Json = {"index": index} if index else {}
    if said.finish is Finish.REFUSED:
        return found | {"finishReason": "SAFETY", "safetyRatings": _ratings()}
    content: Json = {"role": "model"} | ({"parts": parts} if parts else {})
    return {"content": content} | found | {"finishReason": FINISH[said.finish]}


def whole_parts(ask: GeminiAsk, said: Answer, reply_id: str, index: int) -> list[Json]:
    """Thoughts, text and calls, each text whole; none where the thoughts took all the tokens there were."""
    parts: list[Json] = []
    if said.thoughts and ask.thoughts_shown:
        parts.append({"text": said.thought, "thought": True})
    if said.pieces:
        parts.append({"text": said.text} | text_signature(ask, said))
    return parts + list(call_parts(ask, said.calls, reply_id, index))


def call_parts(ask: GeminiAsk, calls: Sequence[Call], reply_id: str, index: int) -> Iterator[Json]:
    """Each call whole; of several only the first is signed, as the model thought before it and not in between."""
    for i, call in enumerate(calls):
        made: Json = {"name": call.name, "args": orjson.Fragment(call.arguments)}
        if _THIRD in ask.model:
            made = {"id": f"{reply_id}{index:x}{i:x}"} | made
        part: Json = {"functionCall": made}
        if i == 0 and ask.thinking:
            part["thoughtSignature"] = of_call(call.name, call.arguments)
        yield part


def text_signature(ask: GeminiAsk, said: Answer) -> Json:
    """What a text without calls is signed with: always by the third generation, else where there are functions."""
    signed = ask.thinking and not said.calls and (_THIRD in ask.model or ask.has_tools)
    return {"thoughtSignature": of_text(said.text)} if signed else {}


def usage(ask: GeminiAsk, said: Answer) -> Json:
    """Candidates do not hold the thoughts; the prompt holds what was cached."""
    thoughts = len(said.thoughts) * ask.n
    candidates = 0 if said.finish is Finish.REFUSED else said.output_tokens - thoughts
    found: Json = {"promptTokenCount": said.input_tokens}
    if candidates:
        found["candidatesTokenCount"] = candidates
    found["totalTokenCount"] = said.input_tokens + candidates + thoughts
    if said.cached.read:
        found["cachedContentTokenCount"] = said.cached.read
        found["cacheTokensDetails"] = [{"modality": "TEXT", "tokenCount": said.cached.read}]
    if thoughts:
        found["thoughtsTokenCount"] = thoughts
    return found | {
        "trafficType": "ON_DEMAND",
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": said.input_tokens}],
        "candidatesTokensDetails": [{"modality": "TEXT", "tokenCount": candidates}],
    }


def prompt_is_blocked(ask: GeminiAsk, said: Answer) -> bool:
    return said.finish is Finish.REFUSED and _BLOCK_PROMPT in ask.text.lower()


def prompt_feedback() -> Json:
    """What stands in place of the candidates where the prompt was blocked."""
    reason = "The prompt could not be submitted: it contains content that is prohibited."
    return {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT", "blockReasonMessage": reason}}


def logprobs(pieces: Sequence[str], alternatives: int) -> Json:
    """One entry for each token; alternatives are the token itself and others that are less likely."""
    chosen = [_likely(piece, 0) for piece in pieces]
    top = [{"candidates": [_likely(piece, rank) for rank in range(alternatives)]} for piece in pieces]
    found: Json = {"chosenCandidates": chosen} | ({"topCandidates": top} if alternatives else {})
    return {"avgLogprobs": -0.125, "logprobsResult": found}


def _likely(piece: str, rank: int) -> Json:
    token = piece if rank == 0 else f"{piece}~{rank}"
    return {"token": token, "tokenId": len(token) * 100 + rank, "logProbability": -0.125 - 2.0 * rank}


def _ratings() -> list[Json]:
    return [
        {
            "category": f"HARM_CATEGORY_{name}",
            "probability": "HIGH" if name == "DANGEROUS_CONTENT" else "NEGLIGIBLE",
            "severity": "HARM_SEVERITY_HIGH" if name == "DANGEROUS_CONTENT" else "HARM_SEVERITY_NEGLIGIBLE",
        }
        | ({"blocked": True} if name == "DANGEROUS_CONTENT" else {})
        for name in _CATEGORIES
    ]
