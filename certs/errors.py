"""Why an installation ends: each message leads to the mend."""


class InstallError(Exception):
    """The installation can not go on."""


class UsageError(InstallError):
    """What it was given makes no sense: a flag, or a file that it names."""


class ForbiddenError(InstallError):
    """A right is missing; the message says which verb on which resource."""


class UnavailableError(InstallError):
    """The API server did not answer as it should until the time was over."""


class RejectedError(InstallError):
    """The API server understood, and does not want it."""


class ConflictError(RejectedError):
    """Somebody else was faster: read again."""


class InvalidError(RejectedError):
    """The object can not become what was asked for (a field that never changes, for one)."""


class UnprovenError(InstallError):
    """The guard did not answer the canary, or a replica does not show the certificate; the message says which."""
