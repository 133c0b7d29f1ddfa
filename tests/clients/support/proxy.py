"""A TCP proxy between client and broker that breaks connections where it hurts.

    proxy = BreakingProxy(broker_port, lambda api_key, count: PASS)

The rule is asked once per request, with its api key and the how-maniest of that key it is:
    PASS            forward request and answer
    LOSE_ANSWER     let the broker answer, then drop the answer and cut both connections
    CUT_REQUEST     forward half of the request, then cut both connections
Cutting hits everything else in flight on that connection too, as in life.
"""

import collections
import socket
import struct
import threading

PASS, LOSE_ANSWER, CUT_REQUEST = "pass", "lose answer", "cut request"


class BreakingProxy:
    def __init__(self, rule):
        self.rule = rule
        self.target_port = None  # set once the broker has its port
        self.counts = collections.Counter()  # requests by api key
        self.broken = collections.Counter()  # faults by kind
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.pairs = []
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        for pair in self.pairs:
            cut(*pair)

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target_port))
            except OSError:
                client.close()
                continue
            for side in (client, server):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.pairs.append((client, server))
            verdicts = collections.deque()  # of the requests that are with the broker, in order
            for pump in (self.pump_requests, self.pump_answers):
                threading.Thread(target=pump, args=(client, server, verdicts), daemon=True).start()

    def judge(self, request):
        (api_key,) = struct.unpack_from(">h", request, 4)
        with self.lock:
            self.counts[api_key] += 1
            verdict = self.rule(api_key, self.counts[api_key])
            if verdict != PASS:
                self.broken[verdict] += 1
        return verdict

    def pump_requests(self, client, server, verdicts):
        try:
            while request := read_frame(client):
                verdict = self.judge(request)
                if verdict == CUT_REQUEST:
                    server.sendall(request[: len(request) // 2])
                    break
                verdicts.append(verdict)
                server.sendall(request)
        except OSError:
            pass
        cut(client, server)

    def pump_answers(self, client, server, verdicts):
        try:
            while answer := read_frame(server):
                if verdicts.popleft() == LOSE_ANSWER:
                    break
                client.sendall(answer)
        except OSError:
            pass
        cut(client, server)


def read_frame(source):
    size = read_exactly(source, 4)
    return size and size + read_exactly(source, struct.unpack(">i", size)[0])


def read_exactly(source, count):
    data = b""
    while len(data) < count:
        chunk = source.recv(count - len(data))
        if not chunk:
            return b""
        data += chunk
    return data


def cut(*sides):
    for side in sides:
        try:
            side.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        side.close()
