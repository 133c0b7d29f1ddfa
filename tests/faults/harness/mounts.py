"""A mount namespace of its own for a broker: disks of a chosen size, and read-only ones.

    with MountNamespace() as mounts:
        mounts.tmpfs(path, megabytes=160)
        broker = make_broker(wrapper=mounts.wrapper)

What is mounted is seen by what `wrapper` or `run` starts, by nobody else, and is gone with the block. Made
as root, or by an ordinary user who may make user namespaces; where neither can be, that is said as a
failure: the same faults at `File` are tested in src/storage, everywhere.
"""

import subprocess

WAYS = {"as root": ["--mount"], "as a user": ["--user", "--map-root-user", "--mount"]}
# Tells when the namespace is made, and keeps it until the end of its input.
HOLDER = ["sh", "-c", "echo made; exec cat"]


class MountNamespace:
    def __enter__(self):
        said = []
        for name, options in WAYS.items():
            holder = subprocess.Popen(
                ["unshare", *options, *HOLDER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            if holder.stdout.readline() == "made\n":
                self.holder = holder
                break
            said.append(f"{name}: {holder.communicate()[1].strip()}")
        else:
            raise AssertionError(
                "no mount namespace can be made here, so that nothing is known of full and read-only "
                f"disks under a running broker: {'; '.join(said)}"
            )
        self.enter = ["nsenter", "--target", str(holder.pid), "--mount", "--root", "--wd"]
        if "--user" in options:
            self.enter += ["--user", "--preserve-credentials"]
        # What runs inside ends with the tests, whatever credentials it got on the way.
        self.wrapper = [*self.enter, "--", "setpriv", "--pdeathsig", "KILL", "--"]
        return self

    def __exit__(self, *_):
        self.holder.communicate()

    def run(self, *command):
        """Runs it inside to its end; returns what it printed."""
        done = subprocess.run(
            [*self.enter, "--", *map(str, command)], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    def tmpfs(self, path, megabytes):
        path.mkdir(parents=True, exist_ok=True)
        self.run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", path)

    def resize(self, path, megabytes):
        # Named in full, so that mount(8) does not repeat the options that it finds.
        self.run("mount", "-t", "tmpfs", "-o", f"remount,size={megabytes}m", "tmpfs", path)

    def free_bytes(self, path):
        blocks, size = self.run("stat", "--file-system", "--format", "%a %S", path).split()
        return int(blocks) * int(size)

    def cover_read_only(self, path):
        """Whoever opens what is below from now on finds the same files, read-only. (The disk below can't be
        made so while files are open for writing; those go on.)"""
        self.run("mount", "--bind", path, path)
        self.run("mount", "-o", "remount,bind,ro", path)

    def uncover(self, path):
        self.run("umount", path)
