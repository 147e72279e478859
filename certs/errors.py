"""Why an installation ends: each message says what to do."""


class InstallError(Exception):
    """The installation cannot continue."""


class UsageError(InstallError):
    """A flag, or a file that it names, is wrong."""


class ForbiddenError(InstallError):
    """A permission is missing; the message says which verb on which resource."""


class UnavailableError(InstallError):
    """The API server did not answer as expected in the time allowed."""


class RejectedError(InstallError):
    """The API server rejected the request."""


class ConflictError(RejectedError):
    """Another client changed the object first: read it again."""


class InvalidError(RejectedError):
    """The object is invalid, or an immutable field would change."""


class UnprovenError(InstallError):
    """cni-guard did not answer the canary, or a replica does not serve the certificate; the message says which."""
