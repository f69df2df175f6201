"""Runs a program and kills it right before its n-th mutating system call, counted over all its threads.

strace counts for each thread apart, so it never gets to the later calls of a thread when an earlier one makes
as many. The programs that it starts are not traced.
"""

import ctypes
import os
import signal
import struct
import threading
import time

CALLS = {"write": 1, "pwrite64": 18, "writev": 20, "sendto": 44, "sendmsg": 46, "clone": 56, "vfork": 58,
         "execve": 59, "kill": 62, "fsync": 74, "fdatasync": 75, "ftruncate": 77, "rename": 82, "mkdir": 83,
         "link": 86, "unlink": 87, "symlink": 88, "openat": 257, "mkdirat": 258, "unlinkat": 263,
         "renameat": 264, "linkat": 265, "symlinkat": 266, "fallocate": 285, "renameat2": 316,
         "pidfd_send_signal": 424, "clone3": 435}
NUMBERS = {number: name for name, number in CALLS.items()}
TRACEME, CONT, SYSCALL, SETOPTIONS, GET_SYSCALL_INFO = 0, 7, 24, 0x4200, 0x420E
SYSGOOD, TRACECLONE, TRACEEXEC, EXITKILL = 0x1, 0x8, 0x10, 0x100000
ENTRY = 1
WALL = 0x40000000
CHANGES = os.O_WRONLY | os.O_RDWR | os.O_CREAT

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def _call_of(thread):
    """The mutating call that a thread is about to make; None: another, or it comes back from one."""
    buffer = ctypes.create_string_buffer(88)
    if libc.ptrace(GET_SYSCALL_INFO, thread, ctypes.c_void_p(88), buffer) < 0:
        return None
    if buffer.raw[0] != ENTRY:
        return None
    number, *words = struct.unpack_from("<7Q", buffer.raw, 24)
    name = NUMBERS.get(number)
    if name == "openat" and not words[2] & CHANGES:
        return None
    return name


def run(words, at, output, done=None, limit=300.0, stdin="/dev/null"):
    """Returns the name of the call that it was killed at, or None when it ended without.

    `done`: asked now and then; once it says true, the program is sent SIGTERM. After `limit` seconds it is
    killed, and an AssertionError says so; likewise when `done` fails, whose error is handed on.
    """
    child = os.fork()
    if child == 0:
        try:
            for stream in (1, 2):
                os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), stream)
            os.dup2(os.open(stdin, os.O_RDONLY), 0)
            os.setsid()
            libc.ptrace(TRACEME, 0, None, None)
            os.kill(os.getpid(), signal.SIGSTOP)
            os.execv(words[0], words)
        finally:
            os._exit(127)
    os.waitpid(child, 0)
    libc.ptrace(SETOPTIONS, child, None, ctypes.c_void_p(SYSGOOD | TRACECLONE | TRACEEXEC | EXITKILL))
    over = threading.Event()
    wrong = []

    def watch():
        deadline, is_told = time.monotonic() + limit, done is None
        try:
            while not over.wait(0.01):
                if not is_told and done():
                    os.kill(child, signal.SIGTERM)
                    is_told = True
                assert time.monotonic() < deadline, f"{words} did not end within {limit} s"
        except ProcessLookupError:
            pass  # it has just ended
        except Exception as error:
            wrong.append(error)
            os.kill(child, signal.SIGKILL)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        killed = _follow(child, at)
    finally:
        over.set()
        watcher.join()
    if wrong:
        raise wrong[0]
    return killed


def _follow(child, at):
    count, killed, begun = 0, None, False
    libc.ptrace(SYSCALL, child, None, None)
    while True:
        thread, status = os.waitpid(-1, WALL)
        if os.WIFEXITED(status) or os.WIFSIGNALED(status):
            if thread == child:
                return killed
            continue
        how, event = os.WSTOPSIG(status), status >> 16
        passed_on = 0
        if how == signal.SIGTRAP | 0x80:
            name = _call_of(thread) if begun and killed is None else None
            count += name is not None
            if name is not None and count == at:
                killed = name
                os.kill(child, signal.SIGKILL)
                continue
        elif event:
            begun = begun or event == 4  # its own program has begun
        elif how != signal.SIGSTOP:
            passed_on = how
        libc.ptrace(SYSCALL, thread, None, ctypes.c_void_p(passed_on))
