"""The errors Discord answers with: HTTP status, JSON error code, words (documented list of JSON error codes)."""

from __future__ import annotations

from typing import Any, NamedTuple


class Problem(NamedTuple):
    """One documented error."""

    status: int
    code: int
    message: str


UNAUTHORIZED = Problem(401, 0, "401: Unauthorized")
NOT_FOUND = Problem(404, 0, "404: Not Found")
UNKNOWN_CHANNEL = Problem(404, 10003, "Unknown Channel")
UNKNOWN_GUILD = Problem(404, 10004, "Unknown Guild")
UNKNOWN_MESSAGE = Problem(404, 10008, "Unknown Message")
UNKNOWN_USER = Problem(404, 10013, "Unknown User")
UNKNOWN_WEBHOOK = Problem(404, 10015, "Unknown Webhook")
UNKNOWN_INTERACTION = Problem(404, 10062, "Unknown interaction")
UNKNOWN_COMMAND = Problem(404, 10063, "Unknown application command")
TOO_LARGE = Problem(413, 40005, "Request entity too large")
ALREADY_ACKNOWLEDGED = Problem(400, 40060, "Interaction has already been acknowledged.")
MANY_FOLLOW_UPS = Problem(400, 40094, "This interaction has reached the maximum number of follow-up messages")
MISSING_ACCESS = Problem(403, 50001, "Missing Access")
FOREIGN_MESSAGE = Problem(403, 50005, "Cannot edit a message authored by another user")
EMPTY_MESSAGE = Problem(400, 50006, "Cannot send an empty message")
CLOSED_DM = Problem(403, 50007, "Cannot send messages to this user")
MISSING_PERMISSIONS = Problem(403, 50013, "Missing Permissions")
EXPIRED_TOKEN = Problem(401, 50027, "Invalid Webhook Token")
ARCHIVED_THREAD = Problem(400, 50083, "Thread is archived")
LOCKED_THREAD = Problem(400, 160005, "This thread is locked")
INVALID_FORM = Problem(400, 50035, "Invalid Form Body")
SPEECH_BAD_CONTENT = Problem(400, 50159, "Voice messages do not support additional content.")
SPEECH_BAD_FILES = Problem(400, 50160, "Voice messages must have a single audio attachment.")
SPEECH_BAD_METADATA = Problem(400, 50161, "Voice messages must have supporting metadata.")
SPEECH_EDITED = Problem(400, 50162, "Voice messages cannot be edited.")
BAD_JSON = Problem(400, 50109, "The request body contains invalid JSON.")


class ApiError(Exception):
    """A request is refused, with the body Discord would send."""

    def __init__(self, problem: Problem, *, field: str = "", why: str = "") -> None:
        super().__init__(f"{problem.code} {problem.message} {field} {why}".strip())
        self.status = problem.status
        self.body: dict[str, Any] = {"message": problem.message, "code": problem.code}
        if field:
            leaf: dict[str, Any] = {"_errors": [{"code": "INVALID", "message": why}]}
            for key in reversed(field.split(".")):
                leaf = {key: leaf}
            self.body["errors"] = leaf
