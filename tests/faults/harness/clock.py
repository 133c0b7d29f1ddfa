"""A broker whose wall clock is ours, by Debian's libfaketime. The monotonic clock goes on as it does.

    clock = Clock(folder)
    broker = make_broker(wrapper=clock.wrapper).start()
    clock.jump(hours=3)         # from now on the broker's clock is three hours ahead of ours
"""

import glob
import time
from pathlib import Path

from support import preload

LIBRARY = "/usr/lib/*/faketime/libfaketimeMT.so.1"


class Clock:
    def __init__(self, folder):
        (library,) = glob.glob(LIBRARY)
        timers = preload.compiled(Path(__file__).parent / "real_timers.c", folder)
        self.file = folder / "clock"
        self.jump(hours=0)
        self.wrapper = [
            "env",
            f"LD_PRELOAD={timers}:{library}",
            f"FAKETIME_TIMESTAMP_FILE={self.file}",
            "FAKETIME_NO_CACHE=1",
            "FAKETIME_DONT_FAKE_MONOTONIC=1",
            "NO_FAKE_STAT=1",
        ]

    def jump(self, hours):
        """To so many hours ahead of this process's clock, or behind it."""
        self.offset_s = 3600 * hours
        temporary = self.file.with_suffix(".new")
        temporary.write_text(f"{self.offset_s:+d}\n")
        temporary.rename(self.file)

    def now_ms(self):
        return 1000 * (time.time() + self.offset_s)
