"""The option of the chaos tests: how large the storm is."""

import pytest

SHORT = 60


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--chaos-requests", type=int, default=SHORT, help="requests of the storm")
    parser.addoption("--chaos-seed", type=int, default=1, help="which requests, and what is killed when")


@pytest.fixture(scope="session")
def chaos_requests(pytestconfig: pytest.Config) -> int:
    """Where the whole suite runs this file is read after the command line: then there is no option, only a default."""
    return int(pytestconfig.getoption("chaos_requests", default=SHORT))


@pytest.fixture(scope="session")
def chaos_seed(pytestconfig: pytest.Config) -> int:
    return int(pytestconfig.getoption("chaos_seed", default=1))
