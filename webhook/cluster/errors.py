"""What can go wrong between us and the API server."""

from http import HTTPStatus


class ApiError(Exception):
    """An answer is missing or of no use; the message is one line for people."""


class CredentialsError(ApiError):
    """There is no kubeconfig, or it cannot be used."""


class UnreachableError(ApiError):
    """There is no answer, or the connection broke."""


class StatusError(ApiError):
    """The API server answered with an error.

    Args:
        message: What it said.
        status: The HTTP status.
        retry_after: Seconds to wait, as the server asks for.
    """

    def __init__(self, message: str, status: int, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after

    @property
    def is_gone(self) -> bool:
        """Whether a list or a watch has to start again: the version that it asked for is too old."""
        return self.status == HTTPStatus.GONE

    @property
    def is_missing(self) -> bool:
        """Whether the server does not know this kind."""
        return self.status == HTTPStatus.NOT_FOUND

    @property
    def is_forbidden(self) -> bool:
        """Whether a right is missing."""
        return self.status == HTTPStatus.FORBIDDEN
