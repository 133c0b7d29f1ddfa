"""Many connections that say who they are and then nothing."""

import contextlib
import resource
import socket
import struct

API_VERSIONS = struct.pack(">ihhih", 10, 18, 0, 1, -1)
PER_ADDRESS = 5000  # connections from one of the addresses 127.0.0.2, 127.0.0.3, ...


def raise_file_limit():
    """As many descriptors as the system lets this process and its children have; how many those are."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def receive(connection, count):
    data = b""
    while len(data) < count:
        chunk = connection.recv(count - len(data))
        if not chunk:
            raise ConnectionError("the broker closed a connection")
        data += chunk
    return data


def connect(address, source):
    """A connection that has asked for the versions, as clients do first, and was answered."""
    connection = socket.create_connection(address, timeout=30, source_address=(source, 0))
    connection.sendall(API_VERSIONS)
    (size,) = struct.unpack(">i", receive(connection, 4))
    receive(connection, size)
    return connection


def still_open(connection):
    """Whether nothing has come, an end included."""
    connection.setblocking(False)
    try:
        return connection.recv(1) != b""
    except BlockingIOError:
        return True


@contextlib.contextmanager
def connections(address, count):
    """`count` of them, open until the end of the block."""
    host, port = address.rsplit(":", 1)
    with contextlib.ExitStack() as opened:
        made = []
        for number in range(count):
            source = f"127.0.0.{2 + number // PER_ADDRESS}"
            made.append(opened.enter_context(connect((host, int(port)), source)))
        yield made
        if lost := sum(not still_open(one) for one in made):
            raise ConnectionError(f"the broker closed {lost} of {count} idle connections")
