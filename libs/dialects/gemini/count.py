"""countTokens: what is counted, and the count."""

from typing import Any

from libs.contracts.errors import UpstreamError
from libs.dialects.calls import fitted
from libs.dialects.form import Request
from libs.dialects.gemini.contents import write_contents, write_system
from libs.dialects.gemini.errors import error_of, from_error
from libs.dialects.gemini.outgoing import TOOL_NAME, write_tools
from libs.dialects.models import ModelFlags


def write_count(request: Request, model: ModelFlags) -> dict[str, Any]:
    """InvalidRequest where the request itself would be refused for its messages or tools."""
    request, _ = fitted(request, TOOL_NAME)
    body: dict[str, Any] = {"contents": write_contents(request.turns, model)}
    if system := write_system(request):
        body["systemInstruction"] = system
    if request.tools:
        body["tools"] = write_tools(request.tools)
    return body


def read_count(body: dict[str, Any]) -> int:
    """Tokens of the prompt. UpstreamError where the body tells none."""
    if (error := error_of(body)) is not None:
        raise from_error(error)
    total = body.get("totalTokens")
    if isinstance(total, bool) or not isinstance(total, int) or not 0 <= total < 2**53:
        raise UpstreamError("The provider answered something that is not a count; try again.")
    return total
