"""How things end: what the plugin raises, and what its calls raise."""

from . import plugin_pb2 as pb


class Failed(Exception):
    """Raised by connect when the session cannot go on; people read it."""

    def __init__(self, summary, detail="", code=pb.CODE_UNSPECIFIED, option="", retry=pb.Failed.NEVER):
        super().__init__(summary)
        self.message = pb.Failed(
            diagnostics=[pb.Diagnostic(summary=summary, detail=detail, code=code, option=option)], retry=retry)


class Refused(Failed):
    """Raised by calls of a session when the host refuses; connect may let it pass."""

    def __init__(self, diagnostic):
        super().__init__(diagnostic.summary or "the host refused without a reason",
                         diagnostic.detail, diagnostic.code, diagnostic.option)


class Stopped(Exception):
    """Raised by what waits when a Stop comes; connect lets it pass and has ended well."""


class HostGone(Exception):
    """Raised when the host has ended the session; nobody is left to tell."""


def unexplained(error):
    """Failed for an exception that nobody meant to be read: its text may hold anything."""
    detail = "%s was raised. This is a fault of the plugin; report it to its author." % type(error).__name__
    return pb.Failed(diagnostics=[pb.Diagnostic(summary="the plugin failed", detail=detail)])
