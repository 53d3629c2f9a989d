import pytest

from iqm_fakes import Api, FakeIQMClient, FakeIQMServer
from iqm_fakes.vendor.http import connect
from iqm_fakes.web.loopback import loopback
from pytest_iqm import IQMBackend


@pytest.fixture
def server():
    return FakeIQMServer("adonis", seed=1)


@pytest.fixture(params=["process", "socket"])
def client(request, server):
    if request.param == "process":
        yield FakeIQMClient(server=server)
    else:
        with loopback(Api(server)) as url:
            yield connect(url, quantum_computer="adonis")


@pytest.fixture
def backend(client):
    return IQMBackend(client)
