#!/usr/bin/python3 -I
"""A plugin for tests in a language without an sdk: no certificates, no generated code."""
import os
import sys
from concurrent import futures

import grpc


def field(number, data):
    """One length-delimited protobuf field, short ones only."""
    return bytes([number << 3 | 2, len(data)]) + data


PROTOCOL = field(1, b"probe") + field(2, b"Probe")
DESCRIPTION = field(1, b"probe") + field(2, b"1.0.0") + field(3, PROTOCOL) + field(5, b"tcp")


def describe(request, context):
    return DESCRIPTION


def session(requests, context):
    next(requests)
    said = " ".join([sys.argv[0], str(os.getuid() > 0x70000000), sys.argv[1], "PENSTOCK_FD" in os.environ and "fd"])
    progress = field(2, said.encode())
    yield bytes([22 << 3 & 0x7F | 2 | 0x80, 1, len(progress)]) + progress


def main():
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("penstock.plugin.v1.Plugin", {
        "Describe": grpc.unary_unary_rpc_method_handler(describe),
        "Session": grpc.stream_stream_rpc_method_handler(session),
    }),))
    address = os.path.join(os.environ["PLUGIN_UNIX_SOCKET_DIR"], "python")
    server.add_insecure_port("unix:" + address)
    server.start()
    print("1|1|unix|" + address + "|grpc|", flush=True)
    server.wait_for_termination()


main()
