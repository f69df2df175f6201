"""What the programs load when they start: every library costs each start of the command line, and has to be on
every machine. Heavy ones are opened at their first use."""

import os
import re
import subprocess
import unittest

import workshop

# A new line here costs every start. Is it needed at each of them?
BUSKER_LIBRARIES = """
libc.so.6
libcrypto.so.3
libdate-tz.so.3
libgcc_s.so.1
libm.so.6
libsqlite3.so.0
libssl.so.3
libstdc++.so.6
libtomlplusplus.so.3
""".split()

# Those of the C library, and the loader itself, are one package with libc.so.6.
OF_THE_C_LIBRARY = ("libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1")

RUNNER_BYTES_MAX = 8_000_000


def dynamic_section(program):
    return subprocess.run(["readelf", "--wide", "--dynamic", program], capture_output=True, text=True, check=True,
                          env={**os.environ, "LC_ALL": "C"}, timeout=60).stdout


def needed(program):
    return sorted(re.findall(r"\(NEEDED\)\s+Shared library: \[(.+)\]", dynamic_section(program)))


class Libraries(unittest.TestCase):

    def test_busker_loads_these_and_no_others(self):
        ours = [name for name in needed(workshop.BUSKER) if name not in OF_THE_C_LIBRARY]
        self.assertEqual(ours, [name for name in BUSKER_LIBRARIES if name not in OF_THE_C_LIBRARY])

    def test_busker_loads_no_library_from_where_it_was_built(self):
        self.assertNotRegex(dynamic_section(workshop.BUSKER), r"\((RPATH|RUNPATH)\)")

    def test_the_runner_loads_nothing_and_can_be_carried_anywhere(self):
        self.assertEqual(needed(workshop.RUNNER), [])
        header = subprocess.run(["readelf", "--wide", "--program-headers", "--sections", workshop.RUNNER],
                                capture_output=True, text=True, check=True, timeout=60).stdout
        self.assertNotIn("INTERP", header)
        if ".debug_info" not in header and ".symtab" not in header:
            self.assertLessEqual(workshop.RUNNER.stat().st_size, RUNNER_BYTES_MAX)


if __name__ == "__main__":
    unittest.main()
