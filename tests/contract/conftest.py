"""The contract suite: the same tests on the fake client, on the vendor's client over a socket, and live."""

import pytest

from iqm_fakes.vendor.http import connect, quantum_computer_alias
from pytest_iqm import IQMBackend


def pytest_generate_tests(metafunc):
    if "client" in metafunc.fixturenames:
        ways = ["live"] if metafunc.config.getoption("iqm_live") else ["fake", "socket"]
        metafunc.parametrize("client", ways, indirect=True)


@pytest.fixture
def client(request, iqm_client):
    if request.param == "socket":
        return connect(request.getfixturevalue("iqm_url"), quantum_computer=quantum_computer_alias(iqm_client))
    return iqm_client


@pytest.fixture
def backend(client):
    return IQMBackend(client)
