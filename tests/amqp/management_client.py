"""A client of the management API, and the real one: rabbitmqadmin. A pytest plugin: `api`, `admin`.

    api.put("/queues/%2F/orders", {"durable": True})     # 2xx, or the test fails; gives the JSON
    api.refused(404, "GET", "/queues/%2F/missing")       # gives the reason
    admin("declare", "queue", "name=orders")             # rabbitmqadmin, unmodified
"""

import base64
import http.client
import json
import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest

WITHIN_S = 30


def part(name):
    return quote(name, safe="")


class Api:
    def __init__(self, port, user="guest", password="guest"):
        self.port = port
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        self.headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}

    def ask(self, method, path, body=None, headers=None):
        """(status, headers, text)"""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WITHIN_S)
        try:
            text = body if isinstance(body, (str, bytes, type(None))) else json.dumps(body)
            connection.request(method, "/api" + path, text, {**self.headers, **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            connection.close()

    def expect(self, status, method, path, body=None, headers=None):
        got, _, text = self.ask(method, path, body, headers)
        assert got == status, f"{method} {path}: {got}, not {status}: {text}"
        return json.loads(text) if text else None

    def done(self, method, path, body=None, headers=None):
        got, _, text = self.ask(method, path, body, headers)
        assert 200 <= got < 300, f"{method} {path}: {got} {text}"
        return json.loads(text) if text else None

    def get(self, path):
        return self.expect(200, "GET", path)

    def put(self, path, body=None):
        return self.done("PUT", path, body)

    def post(self, path, body=None):
        return self.done("POST", path, body)

    def delete(self, path, headers=None):
        return self.done("DELETE", path, None, headers)

    def refused(self, status, method, path, body=None):
        answer = self.expect(status, method, path, body)
        assert set(answer) == {"error", "reason"}, answer
        return answer["reason"]

    def publish(self, queue, payload, exchange="amq.default", key=None, **more):
        body = {"properties": {}, "routing_key": queue if key is None else key, "payload": payload}
        return self.post(f"/exchanges/%2F/{part(exchange)}/publish", {**body, **more})["routed"]

    def take(self, queue, count=1, ackmode="ack_requeue_false", **more):
        body = {"count": count, "ackmode": ackmode, "encoding": "auto", **more}
        return self.post(f"/queues/%2F/{part(queue)}/get", body)

    def queue(self, name):
        return self.get(f"/queues/%2F/{part(name)}")


@pytest.fixture
def api(server):
    return Api(server.management_port)


def find_rabbitmqadmin():
    """The one installed, or that of Debian's package, which is only unpacked: it needs no broker."""
    if installed := shutil.which("rabbitmqadmin"):
        return installed
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "millrace/rabbitmqadmin"
    script = cache / "rabbitmqadmin"
    if not script.exists():
        # With lists of its own: the system's may be missing or old, and changing them needs root.
        (cache / "lists/partial").mkdir(parents=True, exist_ok=True)
        apt = ["apt-get", "-qq", "-o", f"Dir::State::lists={cache}/lists", "-o", f"Dir::Cache={cache}"]
        subprocess.run([*apt, "update"], check=True)
        subprocess.run([*apt, "download", "rabbitmq-server"], cwd=cache, check=True)
        (package,) = cache.glob("rabbitmq-server_*.deb")
        subprocess.run(["dpkg-deb", "-x", package, cache / "unpacked"], check=True)
        (found,) = (cache / "unpacked").glob("usr/lib/rabbitmq/lib/*/plugins/*/priv/www/cli/rabbitmqadmin")
        shutil.copy(found, script)
    return script


class Rabbitmqadmin:
    def __init__(self, port):
        self.port = port

    def run(self, *arguments, stdin=b""):
        return subprocess.run(
            ["/usr/bin/python3", find_rabbitmqadmin(), "-H", "127.0.0.1", "-P", str(self.port)]
            + [str(argument) for argument in arguments],
            input=stdin,
            capture_output=True,
            timeout=WITHIN_S,
        )

    def __call__(self, *arguments, stdin=b""):
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, f"{arguments}: {done.stdout.decode()} {done.stderr.decode()}"
        return done.stdout.decode()

    def rows(self, *arguments):
        return json.loads(self("-f", "raw_json", *arguments))

    def refused(self, *arguments):
        done = self.run(*arguments)
        assert done.returncode != 0, done.stdout
        return (done.stdout + done.stderr).decode()


@pytest.fixture
def admin(server):
    return Rabbitmqadmin(server.management_port)
