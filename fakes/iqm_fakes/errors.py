"""What the server answers when it can't do what was asked.

Every documented error code of the IQM Server API v1 is an :class:`ErrorCode`; :mod:`iqm_fakes.api` alone knows the
HTTP status that belongs to each.
"""

from __future__ import annotations

from enum import StrEnum


class ErrorCode(StrEnum):
    """The documented error codes, as clients see them."""

    UNAUTHORIZED = "unauthorized"
    INVALID_INPUT = "invalid_input"
    INVALID_JOB_PAYLOAD = "invalid_job_payload"
    UNSUPPORTED_JOB_TYPE = "unsupported_job_type"
    ILLEGAL_JOB_STATUS = "illegal_job_status"
    QC_NOT_FOUND = "qc_not_found"
    QC_ARTIFACT_NOT_FOUND = "qc_artifact_not_found"
    CALIBRATION_SET_NOT_FOUND = "calibration_set_not_found"
    QUALITY_METRICS_NOT_FOUND = "quality_metrics_not_found"
    JOB_NOT_FOUND = "job_not_found"
    JOB_ARTIFACT_NOT_FOUND = "job_artifact_not_found"
    NOT_FOUND = "not_found"
    RECORDING_NOT_FOUND = "recording_not_found"
    """Not the vendor's: a replaying server was asked for what it has no recording of."""
    METHOD_NOT_ALLOWED = "method_not_allowed"
    QUOTA_EXCEEDED = "quota_exceeded"
    REQUEST_PAYLOAD_TOO_LARGE = "request_payload_too_large"
    INTERNAL_ERROR = "internal_error"
    SERVICE_UNAVAILABLE = "service_unavailable"
    """A gateway's, or a machine's in maintenance."""


class ServerError(Exception):
    """A request that the server refuses: ``str()`` is the message, ``code`` the documented error code."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class NeverEnds(Exception):
    """A job that stays where it is until it is cancelled."""


class JobFailure(Exception):
    """A job that the server accepted and can't complete: it ends ``failed`` with this message and code.

    The codes inside failed jobs are not published; ours are ``circuit_error`` and ``internal_error``.
    """

    def __init__(self, message: str, code: str = "circuit_error") -> None:
        super().__init__(message)
        self.code = code
