"""Everything that is fuzzed: a name, the check that takes any bytes, and what it starts from."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.fuzz import bodies, seeds, seeds_requests, streams


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """`check` raises where something does not hold, and never for what the bytes are."""

    check: Callable[[bytes], None]
    corpus: list[bytes]


_OPENAI = seeds.data_only(seeds.OPENAI_CHUNKS, b"data: [DONE]\n\n")
_ANTHROPIC = seeds.named(seeds.ANTHROPIC_EVENTS)
_CONVERSE = seeds.lines(seeds.CONVERSE_EVENTS)
_CHUNKS = seeds.chunks(seeds.ANTHROPIC_EVENTS)
_CRLF = [each.replace(b"\n", b"\r\n") for each in (*_OPENAI[:1], *_ANTHROPIC[:1])]
_REQUESTS = seeds.bodies(*seeds_requests.OPENAI)
_MESSAGES = seeds.bodies(*seeds_requests.ANTHROPIC)

TARGETS = {
    "events": Target(check=streams.splitter, corpus=[*_OPENAI, *_ANTHROPIC, *_CRLF, b"\xef\xbb\xbf: c\r\rdata: x\r\r"]),
    "openai-stream": Target(check=streams.openai, corpus=_OPENAI),
    "openai-passed": Target(check=streams.openai_passed, corpus=[*_OPENAI, _CRLF[0], b": ping\n\n" + _OPENAI[0]]),
    "openai-answer": Target(check=bodies.openai_answers, corpus=seeds.bodies(*seeds.OPENAI_ANSWERS)),
    "openai-request": Target(check=bodies.openai_requests, corpus=_REQUESTS),
    "anthropic-stream": Target(check=streams.anthropic, corpus=_ANTHROPIC),
    "anthropic-passed": Target(check=streams.anthropic_passed, corpus=[*_ANTHROPIC, _CRLF[1]]),
    "anthropic-answer": Target(check=bodies.anthropic_answers, corpus=seeds.bodies(*seeds.ANTHROPIC_ANSWERS)),
    "anthropic-request": Target(check=bodies.anthropic_requests, corpus=_MESSAGES),
    "frames": Target(check=streams.frames, corpus=[*_CONVERSE, *map(streams.framed, _CONVERSE)]),
    "frames-passed": Target(check=streams.frames_passed, corpus=_CHUNKS),
    "frames-claude": Target(check=streams.claude_frames, corpus=_CHUNKS),
    "converse-stream": Target(check=streams.converse, corpus=_CONVERSE),
    "converse-answer": Target(check=bodies.converse_answers, corpus=seeds.bodies(*seeds.CONVERSE_ANSWERS)),
    "gemini-stream": Target(check=streams.gemini, corpus=seeds.data_only(seeds.GEMINI_CHUNKS)),
    "gemini-answer": Target(check=bodies.gemini_answers, corpus=seeds.bodies(*seeds.GEMINI_ANSWERS)),
    "edge": Target(check=bodies.edge, corpus=[*_REQUESTS, *_MESSAGES]),
}
