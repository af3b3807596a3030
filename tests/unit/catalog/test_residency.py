"""The residency table: doubt refuses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.catalog.model import Catalog, Processing
from libs.catalog.residency import may_serve, rule_of

CA = Processing(jurisdictions=("CA",))
GLOBAL = Processing(jurisdictions=("*",))
UNKNOWN = Processing()
US_PROFILE = Processing(jurisdictions=("CA", "US"))


@pytest.mark.parametrize(
    ("residency", "processing", "custom", "rule"),
    [
        ([], CA, False, None),
        ([], GLOBAL, False, None),
        ([], UNKNOWN, False, None),
        ([], CA, True, None),
        (["CA"], CA, False, None),
        (["CA", "US"], US_PROFILE, False, None),
        (["CA"], GLOBAL, False, "processing_anywhere"),
        (["CA"], UNKNOWN, False, "processing_unknown"),
        (["CA"], US_PROFILE, False, "processing_elsewhere"),
        (["CA"], CA, True, "custom_address"),
        (["US"], CA, False, "processing_elsewhere"),
        (["ca"], CA, False, "processing_elsewhere"),
        (["*"], GLOBAL, False, "processing_anywhere"),
    ],
)
def test_the_table(residency: list[str], processing: Processing, custom: bool, rule: str | None) -> None:
    refusal = may_serve(residency, processing, custom=custom)
    assert (refusal and rule_of(refusal)) == rule
    assert refusal is None or len(refusal.split(": ", 1)[1]) > 20


PLACES = st.lists(st.sampled_from(["CA", "US", "FR", "*"]), max_size=4)


@given(residency=PLACES, places=PLACES, custom=st.booleans())
def test_what_is_allowed_is_known_to_stay_inside(residency: list[str], places: list[str], custom: bool) -> None:
    allowed = may_serve(residency, Processing(jurisdictions=tuple(places)), custom=custom) is None
    proven = not custom and bool(places) and "*" not in places and set(places) <= set(residency)
    assert allowed == (not residency or proven)


def test_no_global_profile_and_no_direct_api_of_the_catalogue_passes_for_canada(shipped: Catalog) -> None:
    passing = {route_id for route_id, route in shipped.routes.items() if may_serve(["CA"], route.processing) is None}
    assert passing == {
        "vertex_ai/gemini-2.5-pro-ca",
        "vertex_ai/gemini-2.5-flash-ca",
        "azure/gpt-4.1-mini-ca",
        "azure/gpt-4o-ca",
        "bedrock/mistral.mistral-large-2402-v1:0-ca",
        "bedrock/meta.llama3-70b-instruct-v1:0-ca",
        "Qwen/Qwen3-14B",
        "Qwen/Qwen3-32B",
    }
