"""Which paths are the books' own."""

import pytest

from services.ingress.api.usage import place_of


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/api/usage", "usage"),
        ("/api/usage/", "usage"),
        ("/api/usage/export", "usage/export"),
        ("/api/credits", "credits"),
        ("/api/credits/transactions", "credits/transactions"),
        ("/api/v1/inference/usage", "usage"),
        ("/api/v1/inference/credits", "credits"),
        ("/api/v1/inference/v1/credits/transactions", "credits/transactions"),
        ("/api/admin/credits", "admin/credits"),
        ("/api/admin/log", "admin/log"),
        ("/api/v1/inference/admin/log", None),
        ("/api/usage/custody/0123456789abcdef", None),
        ("/api/v1/inference/admin/credits", None),
        ("/v1/usage", None),
        ("/api/usages", None),
        ("/api/usage/exports", None),
    ],
)
def test_the_books_answer_at_their_own_paths_and_no_other(path: str, place: str | None) -> None:
    assert place_of(path) == place
