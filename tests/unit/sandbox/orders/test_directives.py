"""Directives as text: read exactly, merged, never ignored when mistyped."""

import pytest

from services.sandbox.orders.directives import PLAIN, Directive, UnknownDirectiveError, written_in


def test_a_prompt_loses_its_directive_and_nothing_else() -> None:
    text, directive = written_in(
        "Repeat this line exactly: a b  [[sandbox chunks=20 burst=10 garbage]]\nnext [x] [[y]]"
    )
    assert text == "Repeat this line exactly: a b\nnext [x] [[y]]"
    assert directive == Directive(chunks=20, burst=10, garbage=True)


def test_a_prompt_without_a_directive_is_plain() -> None:
    assert written_in("hello [[world]]") == ("hello [[world]]", PLAIN)


@pytest.mark.parametrize(
    "text",
    [
        "chunk=3",
        "chunks=",
        "chunks=-1",
        "chunks=x",
        "chunks=\u0663",
        "status=418",
        "error=oops",
        "hang=no",
        "chunks=99999999999",
        "chunks=100001",
        "chunk_bytes=67108865",
        "body_bytes=67108865",
        f"chunk_ms={'9' * 5000}",
    ],
)
def test_a_mistyped_directive_is_refused(text: str) -> None:
    with pytest.raises(UnknownDirectiveError, match="sandbox"):
        Directive.parse(text)


def test_a_fault_wins_where_it_says_something() -> None:
    both = Directive.parse("chunks=20 chunk_ms=5").under(Directive.parse("chunk_ms=1 cut_after=3"))
    assert both == Directive(chunks=20, chunk_ms=1, cut_after=3)


def test_the_first_end_of_a_stream_counts() -> None:
    assert Directive.parse("cut_after=9 error_after=3").stop_at == 3
    assert PLAIN.stop_at is None
