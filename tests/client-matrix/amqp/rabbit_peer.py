"""RabbitMQ in the place of Millrace, so that the tests themselves are tested: Debian's rabbitmq-server.

A cell that fails here demands something that RabbitMQ does not do.
"""

import os
import socket
from pathlib import Path

from support.broker import Broker
from support.waiting import wait_until

SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server"
START_S = 90


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RabbitBroker(Broker):
    def __init__(self, directory):
        super().__init__(directory)
        self.amqp = f"127.0.0.1:{free_port()}"
        self.distribution = free_port()

    def launch(self):
        assert self.process is None, "already running"
        self.directory.mkdir(parents=True, exist_ok=True)
        home = self.directory
        Path(home, "plugins").write_text("[].\n")
        Path(home, "rabbitmq.conf").write_text(f"listeners.tcp.1 = {self.amqp}\n")
        os.environ.setdefault("ERL_EPMD_ADDRESS", "127.0.0.1")
        settings = {
            "HOME": home,
            "RABBITMQ_MNESIA_BASE": home / "db",
            "RABBITMQ_LOG_BASE": home / "log",
            "RABBITMQ_NODENAME": f"matrix{self.distribution}@localhost",
            "RABBITMQ_CONFIG_FILE": home / "rabbitmq.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": home / "plugins",
            "RABBITMQ_DIST_PORT": self.distribution,
            "RABBITMQ_PID_FILE": home / "pid",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        }
        assigned = [f"{name}={value}" for name, value in settings.items()]
        self.spawn(["setsid", "env", "-C", str(home), *assigned, SERVER], None)

    def spawn(self, command, stdout):
        with open(self.log_path, "ab") as log:
            super().spawn(command, log)

    def await_ready(self, within_s=START_S):
        def accepts():
            self.assert_alive()
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.amqp_port)) == 0

        wait_until(accepts, "RabbitMQ at its port", within_s)

    @staticmethod
    def is_clean(code):
        return code in (0, -15, 143)

    def kill(self):
        """The server is the process group's, not the shell's that started it."""
        os.killpg(self.process.pid, 9)
        self.collect()

    def discard(self):
        if self.process is not None:
            self.kill()
