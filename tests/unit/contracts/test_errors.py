"""The tree of errors, its table at the edge, and its way over the bus."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts import errors
from libs.contracts.errors import Internal, NorthernError, ProviderRefused, RateLimitExceeded, catalogue
from libs.contracts.failures import from_failure, from_query_failure, to_failure, to_query_failure
from libs.contracts.northern.v1.frames_pb2 import Failure, RouteFacts
from libs.contracts.northern.v1.query_pb2 import QueryFailure
from services.ingress.problems import ROWS

CODES = catalogue()


def every_class() -> list[type[NorthernError]]:
    return [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, NorthernError)]


def test_every_code_has_a_row_at_the_edge_and_every_row_a_code() -> None:
    assert set(ROWS) == set(CODES)


def test_every_class_of_the_tree_is_in_the_catalogue_under_its_code() -> None:
    assert len(every_class()) > 30
    for cls in every_class():
        assert issubclass(cls, CODES[cls.code]), cls


def test_classes_of_one_code_agree_on_whether_trying_again_helps() -> None:
    assert {cls.retryable for cls in every_class() if cls.code == RateLimitExceeded.code} == {True}
    for cls in every_class():
        assert cls.retryable == CODES[cls.code].retryable, cls


@pytest.mark.parametrize("code", sorted(CODES))
@given(message=st.text(max_size=200), param=st.text(max_size=20), retry=st.integers(0, 2**32 - 1))
def test_an_error_comes_back_from_the_bus_as_it_went(code: str, message: str, param: str, retry: int) -> None:
    error = CODES[code](message, param=param)
    error.retry_after_ms = 0 if isinstance(error, ProviderRefused) else retry
    back = from_failure(Failure.FromString(to_failure(error).SerializeToString()))
    assert type(back) is type(error)
    assert (back.code, back.message, back.param, back.retry_after_ms, back.retryable) == (
        *(error.code, error.message, error.param),
        *(error.retry_after_ms, error.retryable),
    )


@pytest.mark.parametrize("status", [400, 404, 413, 422])
def test_the_providers_own_status_comes_along(status: int) -> None:
    back = from_failure(to_failure(ProviderRefused("too long", provider_status=status, param="messages")))
    assert isinstance(back, ProviderRefused)
    assert (back.provider_status, back.param) == (status, "messages")


def test_the_providers_own_code_comes_along_and_an_older_worker_says_none() -> None:
    back = from_failure(to_failure(ProviderRefused("no", provider_code="invalid_image_url")))
    assert isinstance(back, ProviderRefused)
    assert back.provider_code == "invalid_image_url"
    older = Failure(code="provider_refused", message="no", provider_status=400)
    back = from_failure(Failure.FromString(older.SerializeToString()))
    assert isinstance(back, ProviderRefused)
    assert back.provider_code == ""


def test_the_route_rides_along_where_one_was_dialled() -> None:
    assert to_failure(Internal("x"), RouteFacts(route_id="r")).route.route_id == "r"
    assert not to_failure(Internal("x")).HasField("route")


def test_a_code_nobody_knows_is_an_internal_error() -> None:
    assert type(from_failure(Failure(code="from_the_future", message="x"))) is Internal


@pytest.mark.parametrize("code", sorted(CODES))
def test_a_query_that_is_refused_says_why_and_when_to_ask_again(code: str) -> None:
    error = CODES[code]("do this next")
    error.retry_after_ms = 1500
    back = from_query_failure(QueryFailure.FromString(to_query_failure(error).SerializeToString()))
    assert (type(back), back.message, back.retry_after_ms) == (CODES[code], "do this next", 1500)


def test_a_refused_query_of_a_code_nobody_knows_is_an_internal_error() -> None:
    assert type(from_query_failure(QueryFailure(code="from_the_future", message="x"))) is Internal
