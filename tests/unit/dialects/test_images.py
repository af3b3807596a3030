"""Images and PDFs in a request: what the bytes are counts, not what they are called."""

import base64

import pytest

from libs.contracts.errors import InvalidRequest
from libs.dialects.images import checked_image, checked_link, checked_pdf

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n....").decode()


@pytest.mark.parametrize(
    ("raw", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF1234WEBP", "image/webp"),
    ],
)
def test_the_bytes_say_what_an_image_is_whatever_the_caller_calls_it(raw: bytes, media_type: str) -> None:
    image = checked_image("image/x-wrong", base64.b64encode(raw).decode(), "p")
    assert image.media_type == media_type


def test_an_unknown_image_keeps_its_name_and_jpg_becomes_jpeg() -> None:
    other = base64.b64encode(b"other").decode()
    assert checked_image("image/avif", other, "p").media_type == "image/avif"
    assert checked_image("image/JPG", other, "p").media_type == "image/jpeg"


@pytest.mark.parametrize("data", ["", "a", "é", PNG[:-1] + "*", PNG + "\n", "AAAA=AAA"])
def test_base64_that_is_none_is_refused_by_its_path(data: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        checked_image("image/png", data, "messages.0.content.1")
    assert refused.value.param == "messages.0.content.1"
    assert PNG[:8] not in refused.value.message


def test_a_text_called_an_image_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        checked_image("text/html", base64.b64encode(b"<html>").decode(), "p")


def test_a_pdf_is_told_by_its_header() -> None:
    data = base64.b64encode(b"%PDF-1.7 ...").decode()
    assert checked_pdf(data, "p") == data
    with pytest.raises(InvalidRequest):
        checked_pdf(PNG, "p")


@pytest.mark.parametrize("url", ["http://x/y", "https://", "https:///x", "ftp://x", "", "https://[x", "file:///etc"])
def test_a_link_is_https_with_a_host(url: str) -> None:
    assert checked_link("https://example.com/a.png", "p") == "https://example.com/a.png"
    with pytest.raises(InvalidRequest):
        checked_link(url, "p")
