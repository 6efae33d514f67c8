#!/usr/bin/python3
"""A plugin for an example protocol: packets in the clear over UDP.

A datagram is a type octet and a payload; the Go program in ../README.md speaks the
same. It protects nothing.
"""

import penstock
from penstock import pb

PACKET, HELLO, WELCOME, REFUSED, PING, PONG, BYE = range(7)
PORT = 5900
SECOND = 1000

FRAMING = pb.FrameSpec(
    header=bytes([PACKET]), type=pb.FrameSpec.Field(offset=0, width=1), data_type=PACKET, max_payload=65535,
    replies=[pb.FrameSpec.Reply(match=PING, **{"with": PONG})],
    dpd_after_ms=20 * SECOND, dpd_retry_ms=5 * SECOND, dpd_dead_ms=60 * SECOND, dpd_type=PING, ignore=[PONG])


class PlainUDP(penstock.Plugin):
    def describe(self):
        return pb.DescribeResponse(
            name="plainudp-python", version="1.0.0", needs=["udp"], capabilities=["resume"],
            protocols=[pb.Protocol(name="plainudp-python", label="Plain UDP in Python (example)")])

    def connect(self, session):
        session.phase(pb.AUTHENTICATING)
        credentials = ask(session)
        conn = session.open(session.options["gateway"], PORT)
        settings = say_hello(conn, credentials)
        session.phase(pb.NEGOTIATING)
        session.configure(settings)
        path = session.attach(conn, FRAMING)
        stay(session, path)


def ask(session):
    answer = session.ask(pb.Prompt(title="Log in", form=pb.Form(id="main", fields=[
        pb.Field(name="username", label="Username", option="username"),
        pb.Field(name="password", label="Password", kind=pb.Field.PASSWORD, option="password", may_store=True)])))
    if answer.cancelled:
        raise penstock.Failed("the login was cancelled", "Nothing was sent to the gateway.", pb.CODE_CANCELLED)
    return answer.values["username"].encode() + b"\0" + answer.values["password"].encode()


def say_hello(conn, credentials):
    """Repeats hello until the gateway answers, as datagrams get lost."""
    for _ in range(5):
        conn.send(bytes([HELLO]) + credentials)
        try:
            datagram = conn.recv(timeout=2)
        except TimeoutError:
            continue
        kind, payload = datagram[:1], datagram[1:].decode("utf-8", "replace")
        if not kind:
            break
        if kind[0] == REFUSED:
            raise penstock.Failed("the gateway refused the login", payload, pb.CODE_AUTH_REFUSED)
        if kind[0] == WELCOME:
            return parse(payload)
    raise penstock.Failed("the gateway did not answer", "Check the option gateway.", pb.CODE_UNREACHABLE, "gateway")


def parse(settings):
    """Reads "address 10.0.0.2/24", "mtu 1380", "route 10.0.0.0/8", "dns 10.0.0.1", a line each."""
    config = pb.NetConfig()
    for line in settings.splitlines():
        key, _, value = line.partition(" ")
        if key == "mtu" and value.isdecimal() and len(value) <= 5:
            config.mtu = int(value)
        elif key in ("address", "route", "dns"):
            {"address": config.addresses, "route": config.routes, "dns": config.dns}[key].append(value)
        else:
            raise penstock.Failed("the gateway sent settings that make no sense", line, pb.CODE_PROTOCOL)
    return config


def stay(session, path):
    """The life of the tunnel: the host carries the packets."""
    for event in session.events():
        kind = event.WhichOneof("message")
        if kind == "stop":
            path.send(BYE)
            path.close()
            return
        if kind == "path" and event.path.kind == pb.PathEvent.DEAD:
            raise penstock.Failed("the gateway is gone", event.path.reason, pb.CODE_UNREACHABLE, retry=pb.Failed.BACKOFF)
        if kind == "frame" and event.frame.type == BYE:
            raise penstock.Failed("the gateway ended the session", "Connect again.", pb.CODE_SESSION_ENDED)


if __name__ == "__main__":
    penstock.serve(PlainUDP())
