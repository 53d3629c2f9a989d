import pytest
from api_client import Http

from iqm_fakes import Api, FakeIQMServer


@pytest.fixture(scope="module")
def server():
    return FakeIQMServer("adonis", "deneb", seed=5, noise=False)


@pytest.fixture
def http(server):
    server.reset(seed=5)
    return Http(Api(server))
