"""The descriptor socket: transports' plaintext ends come from the host here.

Each message is a transport's number, four octets big-endian, with one descriptor as
SCM_RIGHTS. It may come before or after the Opened that belongs to it.
"""

import array
import os
import socket
import struct
import threading

from .errors import HostGone


class Descriptors:
    """Receives descriptors in the background. Numbers are never used twice in a process."""

    def __init__(self, fd):
        self._socket = socket.socket(fileno=fd)
        self._socket.set_inheritable(False)
        self._changed = threading.Condition()
        self._last = 0
        self._expected = {}  # number: socket, or None until it has come
        threading.Thread(target=self._run, daemon=True).start()

    def skip(self, number):
        """Numbers up to this one count as used."""
        with self._changed:
            self._last = max(self._last, number)

    def expect(self):
        """Returns an unused number; a descriptor may come for it until forget."""
        with self._changed:
            self._last += 1
            self._expected[self._last] = None
            return self._last

    def take(self, number, give_up):
        """Waits for a number's socket; give_up() is asked now and then, and may raise."""
        with self._changed:
            while self._expected[number] is None:
                give_up()
                self._changed.wait(0.1)
            return self._expected.pop(number)

    def forget(self, number):
        """Closes the descriptor that nobody took, now or when it comes."""
        with self._changed:
            left = self._expected.pop(number, None)
        if left is not None:
            left.close()

    def _run(self):
        while True:
            try:
                number, fds = self._receive()
            except (OSError, HostGone):
                os._exit(0)  # the host is gone, nothing can be opened any more
            with self._changed:
                if self._expected.get(number, self) is None:
                    self._expected[number] = socket.socket(fileno=fds[0])
                    self._changed.notify_all()
                else:
                    os.close(fds[0])

    def _receive(self):
        data, control, flags, _ = self._socket.recvmsg(5, socket.CMSG_SPACE(4 * 4), socket.MSG_CMSG_CLOEXEC)
        fds = array.array("i")
        for level, kind, payload in control:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds.frombytes(payload[:len(payload) - len(payload) % fds.itemsize])
        if len(data) != 4 or len(fds) != 1 or flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            raise HostGone("the descriptor socket ended or carried something else")
        return struct.unpack(">I", data)[0], fds
