"""Session: one connection's whole life, from the plugin's side.

Messages that expect an answer carry an id; answers repeat it in `re` and go to who
asked, everything else to events(), in order.
"""

import os
import queue
import threading

from . import plugin_pb2 as pb
from .errors import Failed, HostGone, Refused, Stopped
from .transport import MAX_RESIDUAL, Transport

EVENTS = ("frame", "path", "sa_expire", "network", "suspend", "wake", "stop")
MAX_EVENTS = 256
MAX_FRAMES = 192  # that wait when another frame comes: it is dropped


class Session:
    """Calls wait for the host's answer; they raise Refused, Stopped or HostGone."""

    def __init__(self, first, descriptors):
        self._descriptors = descriptors
        self.resumed = first.resume if first.WhichOneof("message") == "resume" else None
        self.start = self.resumed.start if self.resumed else first.start
        self.protocol, self.options = self.start.protocol, dict(self.start.options)
        self.outgoing = queue.Queue()
        self.wakeup, self._waker = os.pipe()
        self._resume_id = first.id if self.resumed else 0
        self._changed = threading.Condition()
        self._last_id, self._answers, self._events = 0, {}, []
        self._stopped = self._over = False
        for path in self.resumed.installed if self.resumed else ():
            descriptors.skip(path.transport)

    # -- what a plugin says and asks

    def phase(self, phase):
        """How far the session is: pb.AUTHENTICATING or pb.NEGOTIATING."""
        self._order(phase=dict(phase=phase))

    def ask(self, prompt):
        """Asks the user pb.Prompt; returns pb.Answer, which may be cancelled."""
        return self._call("answer", prompt=prompt)

    def open(self, host, port, kind="udp", **options):
        """Opens a transport: kind is "tcp", "tls" (options of pb.Tls) or "udp"."""
        number = self._descriptors.expect()
        try:
            opened = self._call("opened", open=pb.Open(
                transport=number, host=host, port=port, **{kind: getattr(pb, kind.capitalize())(**options)}))
            return Transport(self, number, kind, opened, self._descriptors.take(number, self.check))
        except (Stopped, HostGone):
            self.say(close=dict(transport=number))
            raise
        finally:
            self._descriptors.forget(number)

    def attach(self, transport, framing, over=b"", preference=0, replaces=0, esp=None):
        """Makes transport a path; over is what was read from it too much, esp a pb.Esp or none."""
        rest = transport._hand_over()
        try:
            with self._question(attach=dict(transport=transport.number, framing=framing,
                                            preference=preference, replaces=replaces, esp=esp)) as question:
                question.wait("drained")
                residual = over + rest()
                if len(residual) > MAX_RESIDUAL:
                    raise Failed("the gateway sent too much before the tunnel was ready", code=pb.CODE_PROTOCOL)
                self._send(pb.FromPlugin(id=question.id, residual=pb.Residual(data=residual)))
                question.wait("ok")
        except Exception:
            self.say(close=dict(transport=transport.number))
            raise
        return Path(self, transport.number)

    def configure(self, config):
        """Puts pb.NetConfig in force, whole."""
        self._order(config=config)

    def checkpoint(self, data):
        """Keeps at most 64 KiB for `resumed.checkpoint` of a next run."""
        self._order(checkpoint=dict(data=data))

    def adopt(self, numbers):
        """Answers `resumed`, before anything else: the paths to go on with."""
        with self._changed:
            resume, self._resume_id = self._resume_id, 0
        self._put(pb.FromPlugin(re=resume, adopted=pb.Adopted(transports=numbers)))
        return [Path(self, number) for number in numbers]

    def info(self, text):
        """A line for people and logs; no secrets."""
        self.say(progress=dict(level=pb.Progress.INFO, text=text))

    def events(self):
        """Yields pb.FromHost with frame, path, sa_expire, network, suspend, wake or stop, to the end."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._events or self._over)
                if not self._events:
                    return
                event = self._events.pop(0)
            yield event

    # -- the stream

    def check(self):
        """Raises Stopped or HostGone when it is time."""
        with self._changed:
            if self._over:
                raise HostGone("the host ended the session")
            if self._stopped:
                raise Stopped()

    def crossed_stop(self, failed):
        """Whether the host refused something because it had said Stop already."""
        return self._stopped and failed.message.diagnostics[0].code == pb.CODE_NOT_PERMITTED

    def say(self, **message):
        """Sends what expects no answer."""
        self._send(pb.FromPlugin(**message))

    def _order(self, **message):
        self._call("ok", **message)

    def _call(self, kind, **message):
        with self._question(**message) as question:
            return question.wait(kind)

    def _question(self, **message):
        with self._changed:
            self._last_id += 1
            question = _Question(self, self._last_id)
            self._answers[question.id] = question.answers
        self._send(pb.FromPlugin(id=question.id, **message))
        return question

    def _send(self, message):
        # A plugin that does not look at `resumed` starts afresh: it adopts nothing.
        if message.WhichOneof("message") not in ("progress", "failed", "refused"):
            with self._changed:
                resume, self._resume_id = self._resume_id, 0
            if resume:
                self._put(pb.FromPlugin(re=resume, adopted=pb.Adopted()))
        self._put(message)

    def _put(self, message):
        self.outgoing.put(message)

    def receive(self, message):
        """Takes one message from the host; False ends the session."""
        kind = message.WhichOneof("message")
        if not message.re and kind not in EVENTS:
            if message.id:
                unknown = pb.Diagnostic(code=pb.CODE_UNKNOWN_MESSAGE, summary="the plugin does not know this message")
                self._send(pb.FromPlugin(re=message.id, refused=pb.Refused(diagnostic=unknown)))
            return True
        with self._changed:
            if message.re:
                self._answers.get(message.re, []).append(message)
            elif kind != "frame" or len(self._events) < MAX_FRAMES:
                self._events.append(message)
            if kind == "stop" and not self._stopped and not self._over:
                self._stopped = True
                os.write(self._waker, b"!")
            self._changed.notify_all()
            return len(self._events) <= MAX_EVENTS

    def end(self):
        """The host is gone, or connect has returned."""
        with self._changed:
            if self._over:
                return
            self._over = True
            os.write(self._waker, b"!")
            self._changed.notify_all()
        self.outgoing.put(None)

    def release(self):
        """Frees what the session holds, when nothing uses it any more."""
        os.close(self.wakeup)
        os.close(self._waker)


class _Question:
    """A message that waits for answers. A Stop ends the wait if it comes during it."""

    def __init__(self, session, number):
        self.session, self.id, self.answers = session, number, []
        self._interruptible = not session._stopped

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with self.session._changed:
            self.session._answers.pop(self.id, None)

    def wait(self, kind):
        s = self.session
        with s._changed:
            s._changed.wait_for(lambda: self.answers or s._over or (s._stopped and self._interruptible))
            if not self.answers:
                raise HostGone("the host ended the session") if s._over else Stopped()
            answer = self.answers.pop(0)
        got = answer.WhichOneof("message")
        if got == "refused":
            raise Refused(answer.refused.diagnostic)
        if got != kind:
            raise Refused(pb.Diagnostic(code=pb.CODE_INVALID, summary="the host answered %s, not %s" % (got, kind)))
        return getattr(answer, kind)


class Path:
    """An attached transport."""

    def __init__(self, session, number):
        self.session, self.number = session, number

    def send(self, frame_type, payload=b""):
        """Sends a control frame, in order with the data."""
        self.session.say(frame=dict(transport=self.number, type=frame_type, payload=payload))

    def install_sa(self, sa):
        """Adds a pb.Sa to a path of ESP."""
        self.session._order(install_sa=dict(transport=self.number, sa=sa))

    def remove_sa(self, spi):
        """Removes an inbound SA, which may be gone already."""
        self.session._order(remove_sa=dict(transport=self.number, spi=spi))

    def close(self):
        """Removes the path; what was sent before is flushed."""
        self.session._order(close=dict(transport=self.number))
