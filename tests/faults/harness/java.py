"""The Java client under load: java/Clients.java as a process, beside those of librdkafka."""

import os
import shlex
import subprocess

from support.under_load import PARTITIONS, TOPIC, Load
from support.waiting import wait_until


class JavaLoad(Load):
    """One JVM with an idempotent producer and the members of a group."""

    def __init__(self, address, name, folder, group, members=2):
        self.group, self.members = group, members
        self.group_log = folder / f"{group}.log"
        super().__init__(address, name, "idempotent", folder)

    def command(self, address, settings):
        where = [address, TOPIC, str(PARTITIONS), self.name, str(self.log)]
        group = [self.group, str(self.members), str(self.group_log)]
        return [*shlex.split(os.environ["FAULTS_JAVA"]), *where, *group]

    def streams(self):
        return {"stdin": subprocess.PIPE}

    def stop_producing(self):
        """The members go on."""
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

        def told():
            assert self.process.poll() is None, f"{self.name} ended"
            lines = self.log.read_text().splitlines()
            return sum(line.startswith("s ") for line in lines) == PARTITIONS

        wait_until(told, "every answer to the Java producer", 90)

    def finish(self):
        self.process.stdin.close()
        assert self.process.wait(90) == 0, f"{self.name} failed"
