"""serve: the program around a plugin, in go-plugin's handshake and over gRPC.

The gRPC services are bound by hand: their messages come from protoc alone, and those
of go-plugin and of the health service are so small that their octets stand here.
"""

import os
import shutil
import sys
import tempfile
import threading
import traceback
from concurrent import futures

import grpc
from google.protobuf import json_format

from . import plugin_pb2 as pb
from .descriptors import Descriptors
from .errors import Failed, HostGone, Stopped, unexplained
from .session import Session

COOKIE = ("PENSTOCK_PLUGIN", "f2f0c6a4-2d2e-4ddb-9d53-6f1b7a0d8c35")
SERVING = b"\x08\x01"  # grpc.health.v1.HealthCheckResponse{status: SERVING}
EMPTY = b""


class Plugin:
    """One protocol. Subclasses say what it is and run its sessions."""

    def describe(self):
        """Returns pb.DescribeResponse; pure and quick."""
        raise NotImplementedError

    def validate(self, options):
        """Returns a list of pb.Diagnostic about options that contradict each other."""
        return []

    def connect(self, session):
        """Runs one session; returns after a stop, raises Failed when it cannot go on."""
        raise NotImplementedError


def serve(plugin):
    """Is a plugin's main program."""
    if sys.argv[1:] == ["--manifest"]:
        print(json_format.MessageToJson(plugin.describe()))
        return
    if os.environ.get(COOKIE[0]) != COOKIE[1]:
        sys.exit("This program is a plugin; a host starts it.")
    os.umask(0o077)
    given = os.environ.get("PLUGIN_UNIX_SOCKET_DIR")
    folder = given or tempfile.mkdtemp(prefix="penstock-")
    path = os.path.join(folder, "plugin-%d.sock" % os.getpid())
    done = threading.Event()
    service = _Service(plugin, Descriptors(int(os.environ["PENSTOCK_FD"])))
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8), interceptors=[] if given else [_Unlink(folder)])
    server.add_generic_rpc_handlers(_handlers(service, done))
    server.add_insecure_port("unix:" + path)
    server.start()
    print("1|1|unix|%s|grpc|" % path, flush=True)
    done.wait()
    server.stop(grace=0.5).wait()
    os._exit(0)  # whatever a connect is still doing


class _Unlink(grpc.ServerInterceptor):
    """Removes a folder of our own with the first call: the host is connected then, does
    so once, and may kill the process at any time."""

    def __init__(self, folder):
        self._folder = folder

    def intercept_service(self, continuation, details):
        shutil.rmtree(self._folder, ignore_errors=True)
        return continuation(details)


def _handlers(service, done):
    def shut_down(_request, _context):
        done.set()
        return EMPTY

    raw = dict(request_deserializer=bytes, response_serializer=bytes)

    def unary(function, request):
        return grpc.unary_unary_rpc_method_handler(
            function, request_deserializer=request.FromString, response_serializer=lambda m: m.SerializeToString())

    return [
        grpc.method_handlers_generic_handler("penstock.plugin.v1.Plugin", {
            "Describe": unary(lambda _request, _context: service.plugin.describe(), pb.DescribeRequest),
            "Validate": unary(service.validate, pb.ValidateRequest),
            "Session": grpc.stream_stream_rpc_method_handler(
                service.session, request_deserializer=pb.FromHost.FromString,
                response_serializer=lambda m: m.SerializeToString()),
        }),
        grpc.method_handlers_generic_handler("grpc.health.v1.Health", {
            "Check": grpc.unary_unary_rpc_method_handler(lambda _request, _context: SERVING, **raw)}),
        grpc.method_handlers_generic_handler("plugin.GRPCController", {
            "Shutdown": grpc.unary_unary_rpc_method_handler(shut_down, **raw)}),
    ]


class _Service:
    """The contract's service. One session at a time: transports' numbers are the process's."""

    def __init__(self, plugin, descriptors):
        self.plugin, self._descriptors = plugin, descriptors
        self._busy = threading.Lock()

    def validate(self, request, _context):
        return pb.ValidateResponse(diagnostics=self.plugin.validate(dict(request.options)))

    def session(self, requests, context):
        if not self._busy.acquire(blocking=False):
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "a session runs already in this process")
        first = next(requests, pb.FromHost())
        if first.WhichOneof("message") not in ("start", "resume"):
            self._busy.release()
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "a session begins with Start or Resume")
        session = Session(first, self._descriptors)
        context.add_callback(session.end)
        threading.Thread(target=self._receive, args=(session, requests), daemon=True).start()
        threading.Thread(target=self._connect, args=(session,), daemon=True).start()
        yield from iter(session.outgoing.get, None)

    @staticmethod
    def _receive(session, requests):
        try:
            for message in requests:
                if not session.receive(message):
                    break
        except grpc.RpcError:
            pass  # the stream broke: the same as its end
        session.end()

    def _connect(self, session):
        try:
            self.plugin.connect(session)
        except (Stopped, HostGone):
            pass
        except Failed as failed:
            if not session.crossed_stop(failed):
                session.say(failed=failed.message)
        except Exception as error:  # a bug: the host logs stderr, people learn of its kind
            traceback.print_exc()
            session.say(failed=unexplained(error))
        finally:
            self._busy.release()  # first: who sees the session's end may begin the next
            session.end()
            session.release()
