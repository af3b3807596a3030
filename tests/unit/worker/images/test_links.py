"""Links in bodies of both dialects: each is found where it stands, and nothing else is touched."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.errors import InvalidRequest
from libs.contracts.northern.v1.envelope_pb2 import Dialect
from services.worker.images.fetcher import Fetcher, Picture
from services.worker.images.links import inlined, links_of, may_link

OPENAI, ANTHROPIC = Dialect.DIALECT_OPENAI_CHAT, Dialect.DIALECT_ANTHROPIC_MESSAGES
URL = "https://images.example/x.png"
JSON = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["messages", "content", "type", "image_url", "url", "source", "image", "tool_result"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def user(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": list(parts)}]}


def image(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, "detail": "low"}}


def block(url: str) -> dict[str, Any]:
    return {"type": "image", "source": {"type": "url", "url": url}, "cache_control": {"type": "ephemeral"}}


def test_openais_links_are_found_as_objects_and_as_strings() -> None:
    value = user({"type": "text", "text": URL}, image(URL), image("data:image/png;base64,AA"), image("DATA:x"))
    value["messages"][1]["content"].append({"type": "image_url", "image_url": "http://plain.example/"})
    assert [(link.url, link.path) for link in links_of(value, OPENAI)] == [
        (URL, "messages.1.content.1.image_url.url"),
        ("http://plain.example/", "messages.1.content.4.image_url"),
    ]


def test_anthropics_links_are_found_in_results_of_tools_too() -> None:
    result = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "x"}, block(URL)]}
    value = user(block("https://a.example/"), {"type": "image", "source": {"type": "base64", "data": "AA"}}, result)
    assert [(link.url, link.path) for link in links_of(value, ANTHROPIC)] == [
        ("https://a.example/", "messages.1.content.0.source.url"),
        (URL, "messages.1.content.2.content.1.source.url"),
    ]


def test_bytes_take_the_place_of_a_link_and_what_stands_beside_it_stays() -> None:
    picture = Picture(media_type="image/gif", data=b"GIF89a")
    ours, theirs = user(image(URL)), user(block(URL))
    for value, dialect in ((ours, OPENAI), (theirs, ANTHROPIC)):
        for link in links_of(value, dialect):
            link.put(picture)
    assert ours == user(image("data:image/gif;base64,R0lGODlh"))
    source = {"type": "base64", "media_type": "image/gif", "data": "R0lGODlh"}
    assert theirs == user({**block(URL), "source": source})


def test_a_document_by_url_is_refused_by_name() -> None:
    document = {"type": "document", "source": {"type": "url", "url": URL}}
    with pytest.raises(InvalidRequest) as error:
        list(links_of(user(document), ANTHROPIC))
    assert error.value.param == "messages.1.content.0.source.url"


@pytest.mark.parametrize("dialect", [OPENAI, ANTHROPIC])
@given(value=st.dictionaries(st.just("messages"), JSON))
def test_no_shape_of_a_body_makes_it_fall(dialect: Dialect, value: dict[str, Any]) -> None:
    try:
        for link in links_of(value, dialect):
            link.put(Picture(media_type="image/png", data=b"x"))
    except InvalidRequest:
        pass


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (user(image(URL)), True),
        (user(block(URL)), True),
        (user({"type": "image_url", "image_url": URL}), True),
        (user(image("data:image/png;base64,AA")), False),
        (user({"type": "text", "text": f'{{"url":"{URL}"}}'}), False),
        ({"tools": [{"input_schema": {"properties": {"url": {"type": "string"}}}}]}, False),
    ],
)
async def test_a_body_without_links_is_not_even_read(value: dict[str, Any], found: bool) -> None:
    body = orjson.dumps(value)
    assert may_link(body) is found
    if not found:
        assert (await inlined(body, OPENAI, Fetcher()))[0] is body
