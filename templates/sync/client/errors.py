"""What can go wrong with a call, one class for each thing that a caller can do about it."""


class ClientError(Exception):
    """Base of the errors below."""


class DeadlineExceeded(ClientError):
    """No answer came in time. The server has been told, and does not go on."""


class Unavailable(ClientError):
    """The server had no place, or was not ready, until the deadline (503); come again later."""


class Refused(ClientError):
    """The request is at fault (4xx); `status` says how, and sending it again will not help."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class ServerFailed(ClientError):
    """The server answered with an error of its own (5xx but 503 and 504), or with no answer of this service."""


class Unreachable(ClientError):
    """Nobody answers at that address, or the connection broke."""
