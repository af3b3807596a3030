"""The lines of an HTTP head as they stand on the wire, none of them more than one."""

from collections.abc import Mapping


def header_lines(headers: Mapping[str, str]) -> str:
    """`name: value` and CRLF for each. Raises ValueError where one holds a line break or a NUL."""
    text = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if not text.count("\r") == text.count("\n") == len(headers) or "\0" in text:
        raise ValueError("a header holds a line break or a NUL")
    return text
