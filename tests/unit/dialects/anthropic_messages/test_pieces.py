"""Anthropic streams whose data stands where no data should: pieces make no difference."""

from libs.contracts.errors import UpstreamError
from libs.dialects.anthropic_messages.passthrough import AnthropicStream
from tests.unit.dialects.anthropic_messages.test_passthrough import BEGIN, TEXT, delta, event


def test_data_in_several_lines_is_read_together_wherever_it_stands() -> None:
    words = delta("text_delta", text="a")
    odd = event("con(ent", index=0, delta={"type": "text_delta", "text": "a"})
    twice = odd[:-1] + odd.split(b"\n")[1] + b"\n\n"  # two lines of JSON, which are none together
    first = BEGIN + TEXT + words
    for pieces in ([first, words + twice], [first, twice], [first + twice]):
        stream = AnthropicStream()
        for piece in pieces:
            stream.feed(piece)
        assert isinstance(stream.error, UpstreamError), pieces


def test_data_without_a_name_is_read_at_the_beginning_of_a_piece_too() -> None:
    words, garbage = delta("text_delta", text="a"), b"data: {no json\n\n"
    for pieces in ([BEGIN + TEXT + words, garbage + words], [BEGIN + TEXT + words + garbage, words]):
        stream = AnthropicStream()
        for piece in pieces:
            stream.feed(piece)
        assert isinstance(stream.error, UpstreamError), pieces
