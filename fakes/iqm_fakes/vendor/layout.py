"""Names and places in the vendor's packages, for all supported versions of iqm-client; nothing is imported for them."""

from __future__ import annotations

import re

SERVER_CLIENT = "iqm.iqm_server_client.iqm_server_client"
"""The module whose class makes every HTTP call."""

HTTP_CALLS = (("IQMServerClient", "send_request"), ("_IQMServerClient", "_send_request"))
"""Class and method that make the HTTP calls: since iqm-client 36, and before."""

USER_AGENT = re.compile(r"\biqm-(?:station-control-)?client \d")
"""What the header ``User-Agent`` of the vendor's clients has."""

PARSERS = (("IQMServerClient", "deserialize_response"), ("_IQMServerClient", "_deserialize_response"))
"""Class and method that make models of answers: since iqm-client 36, and before."""

OWN_DEPRECATIONS = (
    # iqm-client 36 parses every payload that is retrieved with its former models, too, and warns of them
    r"`iqm\.station_control\.interface\.models\.circuit\._",
    # and reads observations with a model that it has just deprecated
    "Direct instantiation of `ObservationLite`",
)
"""How DeprecationWarnings of the vendor's client begin that are about itself: whoever uses it can do nothing."""

WAITING = (SERVER_CLIENT, "iqm.station_control.interface.executor_interface")
"""Modules in which the vendor's client waits for jobs: before iqm-client 36, and since."""

PROVIDER = "iqm.qiskit_iqm.iqm_provider"
"""The module that makes fake backends when it is imported."""

FAKE_BACKEND = ("iqm.qiskit_iqm.fake_backends.iqm_fake_backend", "IQMFakeBackend", "_create_noise_model")
"""Module, class and method that build the noise model of such a backend."""

MEASUREMENT_KEY = ("iqm.qiskit_iqm.qiskit_to_iqm", "MeasurementKey")
"""Module and class that say which bit of which Qiskit register a measurement key belongs to."""

_OBSERVATION_SET = ("iqm.station_control.interface.models.observation_set", "ObservationSetWithObservations")

DOCUMENT_MODELS = {
    "static_quantum_architecture": ("iqm.iqm_client", "StaticQuantumArchitecture"),
    "dynamic_quantum_architecture": ("iqm.iqm_client", "DynamicQuantumArchitecture"),
    "calibration_set": _OBSERVATION_SET,
    "quality_metric_set": _OBSERVATION_SET,
}
"""Published document → module and class of its model."""

AUTHENTICATION = "iqm.station_control.client.authentication"
"""The module with ``ClientAuthenticationError``."""

OVERLOADED = (429, 503)
"""HTTP statuses that say that the server, or its machine, can't be used now."""
