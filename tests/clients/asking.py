"""What the client tests ask with: the routes of each wire format, messages, a tool, an image."""

import base64
import struct
import zlib
from typing import Any

HAIKU = "bedrock/global.anthropic.claude-haiku-4-5-20251001-v1:0-global"
AZURE = "azure/gpt-4.1-mini-ca"
OPENAI = "openai/gpt-4.1-mini-us"
QWEN = "Qwen/Qwen3-14B"
ROUTES = (HAIKU, AZURE, OPENAI, QWEN)

WEATHER: Any = {  # the SDK's own type is a TypedDict of many; it does not look at run time
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city", "days"],
            "additionalProperties": False,
        },
    },
}
FORCED: Any = {"type": "function", "function": {"name": "get_weather"}}


def user(text: str) -> Any:
    """A conversation of one message."""
    return [{"role": "user", "content": text}]


def png() -> bytes:
    """A real image of one grey pixel."""
    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0\x80")), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )


def with_image(text: str, image: bytes) -> Any:
    """A message of a text and an image as a data URL."""
    url = "data:image/png;base64," + base64.b64encode(image).decode()
    return [
        {
            "role": "user",
            "content": [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": url}}],
        }
    ]
