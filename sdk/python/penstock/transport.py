"""Transport: the plaintext of a connection that the host keeps."""

import select
import socket
import threading

MAX_RESIDUAL = 1 << 20


class Transport:
    """An open connection to the gateway. Of udp, send and recv carry one datagram."""

    def __init__(self, session, number, kind, opened, sock):
        self.session, self.number, self.kind, self.info = session, number, kind, opened
        self._socket = sock
        self._socket.setblocking(True)

    def send(self, data):
        """Sends all of data; of udp, as one datagram."""
        self._socket.sendall(data)

    def recv(self, size=65536, timeout=None):
        """Returns what came, b"" at the end. Raises TimeoutError, or Stopped when a Stop comes."""
        readable, _, _ = select.select([self._socket, self.session.wakeup], [], [], timeout)
        if self.session.wakeup in readable:
            self.session.check()
        if self._socket not in readable:
            raise TimeoutError("nothing came for %s seconds" % timeout)
        return self._socket.recv(size)

    def close(self):
        """Ends the connection to the gateway."""
        self._socket.close()
        self.session.say(close=dict(transport=self.number))

    def _hand_over(self):
        """Closes the writing end; returns a function that waits for all that still comes."""
        self._socket.shutdown(socket.SHUT_WR)
        rest = bytearray()

        def read():
            # The host may have more to forward than the socket holds: read at once.
            while len(rest) <= MAX_RESIDUAL:
                data = self._socket.recv(65536)
                if not data:
                    return
                if self.kind not in ("udp", "raw"):  # datagrams nobody read are lost, as datagrams may be
                    rest.extend(data)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()

        def wait():
            reader.join()
            self._socket.close()
            return bytes(rest)

        return wait
