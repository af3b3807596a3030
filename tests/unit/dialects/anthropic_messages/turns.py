"""Turns of a conversation, as the tests of this dialect say them."""

import base64

from libs.dialects.form import Part, Role, Text, Turn

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n....").decode()


def user(*parts: Part) -> Turn:
    return Turn(role=Role.USER, parts=parts or (Text(text="hi"),))


def assistant(*parts: Part) -> Turn:
    return Turn(role=Role.ASSISTANT, parts=parts)
