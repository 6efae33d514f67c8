"""A plugin for the tests of the library: attaches a stream that it read too much of."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import penstock  # noqa: E402
from penstock import pb  # noqa: E402

FRAMING = pb.FrameSpec(header=b"STF\x01\0\0\0\0", length=pb.FrameSpec.Field(offset=4, width=2),
                       type=pb.FrameSpec.Field(offset=6, width=1), max_payload=16384)


class Stream(penstock.Plugin):
    def describe(self):
        return pb.DescribeResponse(name="stream", version="1.0.0", protocols=[pb.Protocol(name="stream", label="Stream")])

    def connect(self, session):
        if session.resumed:
            path, = session.adopt([session.resumed.installed[0].transport])
            path.send(7, session.resumed.checkpoint)
        else:
            session.phase(pb.NEGOTIATING)
            conn = session.open("vpn.example.com", 443, "tls", alpn=["x"])
            data = b""
            while b"\r\n\r\n" not in data:
                data += conn.recv(int(session.options["size"]))
            conn.send(b"READY")
            session.configure(pb.NetConfig(mtu=1400))
            session.attach(conn, FRAMING, over=data.partition(b"\r\n\r\n")[2])
            session.checkpoint(b"cookie")
        for event in session.events():
            if event.WhichOneof("message") == "stop":
                return


penstock.serve(Stream())
