"""A disk whose flushes fail or stall when a test says so (`failing_disk.c`): the fixture `disk`.

    broker = make_broker(wrapper=disk.wrapper).start()
    disk.fail()
    disk.mend()
"""

from pathlib import Path

import pytest

from support.preload import compiled


class Disk:
    """The switch of the failing disk."""

    def __init__(self, preload, folder):
        self.switch = folder / "disk-fails"
        self.wrapper = ["env", f"LD_PRELOAD={preload}", f"FAILING_DISK={self.switch}"]

    def fail_once(self):
        temporary = self.switch.with_suffix(".new")
        temporary.write_text("once")
        temporary.rename(self.switch)

    def has_failed(self):
        return not self.switch.exists()

    def fail(self):
        self.switch.write_text("always")

    def stall(self):
        self.switch.write_text("stall")

    def mend(self):
        self.switch.unlink(missing_ok=True)


@pytest.fixture(scope="session")
def failing_disk(tmp_path_factory):
    source = Path(__file__).with_suffix(".c")
    return compiled(source, tmp_path_factory.mktemp("preload"))


@pytest.fixture
def disk(failing_disk, tmp_path):
    return Disk(failing_disk, tmp_path)
