"""What a call used, what it cost, what its answer calls the model and may say of its failure: pure."""

from collections.abc import Mapping

from libs.catalog.model import Catalog, Route
from libs.catalog.pricing import Priced, price
from libs.contracts.northern.v1.frames_pb2 import Usage

_SECRET_HEADERS = frozenset({"authorization", "api-key", "x-api-key", "x-amz-security-token"})
_SECRET_LENGTH = 8  # shorter ones are words such as `sandbox`
_BYTES_A_TOKEN = 4  # of text, where no better measure is known; marked `estimated` wherever it is used


def named(asked: str, route: Route) -> str:
    """The model in an answer of the inference surface: the id asked for, for `auto` the chosen one."""
    return route.route_id if asked == "auto" else asked


def scrubbed(message: str, headers: Mapping[str, str]) -> str:
    """What a provider said, without the credentials it was sent and may repeat."""
    for name, value in headers.items():
        if name.lower() in _SECRET_HEADERS:
            for secret in (value, value.rpartition(" ")[2]):
                if len(secret) >= _SECRET_LENGTH:
                    message = message.replace(secret, "[removed]")
    return message


def estimated(text_bytes: int, output_bytes: int) -> Usage:
    """Usage where the provider gave none: by bytes, and said so."""
    return Usage(input=_tokens(text_bytes), output=_tokens(output_bytes), estimated=True)


def cost(catalog: Catalog, route: Route, usage: Usage) -> Priced:
    """The provider's price of what was used."""
    return price(
        catalog.card_of(route),
        input=usage.input,
        cache_read=usage.cache_read,
        cache_write_5m=usage.cache_write_5m,
        cache_write_1h=usage.cache_write_1h,
        output=usage.output,
    )


def _tokens(size: int) -> int:
    return -(-size // _BYTES_A_TOKEN)
