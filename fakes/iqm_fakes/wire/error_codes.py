"""What the server answers when it can't do what was asked: one table of error codes, statuses and messages."""

from __future__ import annotations

from enum import StrEnum


class ErrorCode(StrEnum):
    """The documented error codes of the IQM Server API v1, as clients see them.

    Attributes:
        status: The HTTP status that goes with the code.
        usual: The message, where nothing more precise is known.

    """

    status: int
    usual: str

    def __new__(cls, code: str, status: int, usual: str) -> ErrorCode:
        """Make a code, with the status and the message that go with it."""
        self = str.__new__(cls, code)
        self._value_ = code
        self.status = status
        self.usual = usual
        return self

    INVALID_INPUT = "invalid_input", 400, "The request is not valid."
    BAD_REQUEST = "bad_request", 400, "The timeslot can't be booked."
    """Of bookings only."""
    INVALID_JOB_PAYLOAD = "invalid_job_payload", 400, "Job payload is not valid."
    UNSUPPORTED_JOB_TYPE = "unsupported_job_type", 400, "Job type is not supported."
    UNAUTHORIZED = "unauthorized", 401, "Missing or invalid authentication credentials"
    NO_BOOKED_TIMESLOTS = "no_booked_timeslots", 403, "You have no booked timeslots."
    NOT_ENOUGH_CREDITS = "not_enough_credits", 403, "You don't have enough credits."
    QUOTA_EXCEEDED = "quota_exceeded", 403, "Your quota is exceeded."
    TIMESLOT_REQUIRED = "timeslot_required", 403, "A timeslot is required."
    FORBIDDEN = "forbidden", 403, "Forbidden"
    """Not the vendor's: a web page of somebody else's asks."""
    ILLEGAL_JOB_STATUS = "illegal_job_status", 403, "Illegal job status"
    QC_NOT_FOUND = "qc_not_found", 404, "Quantum computer not found."
    QC_ARTIFACT_NOT_FOUND = "qc_artifact_not_found", 404, "Artifact not found."
    JOB_NOT_FOUND = "job_not_found", 404, "Job not found."
    JOB_ARTIFACT_NOT_FOUND = "job_artifact_not_found", 404, "Job artifact not found."
    CALIBRATION_SET_NOT_FOUND = "calibration_set_not_found", 404, "Calibration set not found."
    QUALITY_METRICS_NOT_FOUND = "quality_metrics_not_found", 404, "Quality metrics not found."
    NOT_FOUND = "not_found", 404, "Not found"
    RECORDING_NOT_FOUND = "recording_not_found", 404, "There is no recording of this."
    """Not the vendor's: a replaying server was asked for what it has no recording of."""
    METHOD_NOT_ALLOWED = "method_not_allowed", 405, "Method not allowed"
    CONFLICT = "conflict", 409, "Conflict"
    REQUEST_PAYLOAD_TOO_LARGE = "request_payload_too_large", 413, "The request payload is too large."
    RATE_LIMIT_EXCEEDED = "rate_limit_exceeded", 429, "Too many requests"
    INTERNAL_ERROR = "internal_error", 500, "Internal server error"
    BAD_GATEWAY = "bad_gateway", 502, "Bad gateway"
    """This one and the next two are not the API's own: what stands before it sends them."""
    SERVICE_UNAVAILABLE = "service_unavailable", 503, "The service is unavailable."
    GATEWAY_TIMEOUT = "gateway_timeout", 504, "Gateway timeout"


class ServerError(Exception):
    """A request that the server refuses: ``str()`` is the message, ``code`` the documented error code."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
