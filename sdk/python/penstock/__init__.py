"""A small reference for plugins in Python: see README.md beside this package.

    class Mine(penstock.Plugin):
        def describe(self): return penstock.pb.DescribeResponse(...)
        def connect(self, session): ...

    penstock.serve(Mine())
"""

from . import plugin_pb2 as pb
from .errors import Failed, HostGone, Refused, Stopped
from .serve import Plugin, serve
from .session import Path, Session
from .transport import Transport

__all__ = ["Failed", "HostGone", "Path", "Plugin", "Refused", "Session", "Stopped", "Transport", "pb", "serve"]
