"""systemd's units, as far as Busker's VMs need them (freedesktop.org/software/systemd/man: systemd.service, systemd.exec). A setting
that is not here ends the unit with a sentence on the console, so that nothing is silently another than on the real machine."""

import re
import shlex
import signal
import subprocess
import threading
import time

KNOWN = {
    "Unit": {"Description", "Documentation", "Wants", "Requires", "After", "Before", "StartLimitIntervalSec", "StartLimitBurst"},
    "Service": {"Type", "User", "Environment", "ExecStartPre", "ExecStart", "ExecStartPost", "ExecStop", "ExecStopPost", "Restart",
                "RestartSec", "RemainAfterExit", "TimeoutStartSec", "TimeoutStopSec", "StandardOutput", "StandardError",
                "SyslogIdentifier", "KillMode", "OOMScoreAdjust", "SuccessExitStatus"},
    "Install": {"WantedBy"},
}
STOP_S = 90  # DefaultTimeoutStopSec
STARTS_MAX, STARTS_S = 5, 10  # DefaultStartLimitBurst, DefaultStartLimitIntervalSec
# When a service that was not told to stop is begun again, by its result (systemd.service, Restart=).
RESTARTS = {"no": (), "always": ("success", "exit-code", "signal"), "on-failure": ("exit-code", "signal"), "on-abnormal": ("signal",)}
CLEAN = {-signal.SIGHUP, -signal.SIGINT, -signal.SIGTERM, -signal.SIGPIPE}  # of a main process, but for oneshot
KILLS = ("control-group", "mixed", "process", "none")


class NoUnit(Exception):
    pass


def parse(text):
    """{section: {key: [values]}}"""
    settings = {}
    section = None
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        line = line.strip()
        if not line or line[0] in "#;":
            continue
        if line.startswith("["):
            section = line.strip("[]")
            if section not in KNOWN:
                raise NoUnit(f"the section [{section}] is not played")
            settings.setdefault(section, {})
            continue
        key, sign, value = line.partition("=")
        if not sign or section is None:
            raise NoUnit(f"no setting: {line}")
        if key not in KNOWN[section]:
            raise NoUnit(f"{key}= in [{section}] is not played")
        if value:
            settings[section].setdefault(key, []).append(value)
        else:
            settings[section][key] = []  # what was said before is void
    return settings


def seconds_of(text):
    if text == "infinity":
        return None
    found = re.fullmatch(r"(\d+)\s*(ms|s|sec|min|h|d)?", text)
    if not found:
        raise NoUnit(f"no span of time: {text}")
    return int(found[1]) * {None: 1, "ms": 0.001, "s": 1, "sec": 1, "min": 60, "h": 3600, "d": 86400}[found[2]]


class Unit:
    """One service of a machine. Its job runs on a thread of its own until it has ended or is told to."""

    def __init__(self, machine, name, text):
        self.machine, self.name = machine, name
        self.mark = f"{machine.vm.number}/{machine.boots}/{name}"  # in the environment of what is of its cgroup
        settings = parse(text)
        self.service = settings.get("Service", {})
        self.limit_s = seconds_of((settings.get("Unit", {}).get("StartLimitIntervalSec") or [str(STARTS_S)])[-1])
        self.starts_max = int((settings.get("Unit", {}).get("StartLimitBurst") or [STARTS_MAX])[-1])
        self.kind = self.one("Type", "simple")
        if self.kind not in ("simple", "exec", "oneshot"):
            raise NoUnit(f"Type={self.kind} is not played")
        if self.one("User", "root") != "root":
            raise NoUnit("another User= than root is not played")
        if self.one("Restart", "no") not in RESTARTS:
            raise NoUnit(f"Restart={self.one('Restart')} is not played")
        if self.one("KillMode", KILLS[0]) not in KILLS:
            raise NoUnit(f"KillMode={self.one('KillMode')} is not played")
        if not self.service.get("ExecStart") or (self.kind != "oneshot" and len(self.service["ExecStart"]) != 1):
            raise NoUnit("one ExecStart= is needed")
        self.environment = {}
        for line in self.service.get("Environment", []):
            self.environment.update(word.split("=", 1) for word in shlex.split(line))
        self.state = "inactive"
        self.process = None
        self.is_told = threading.Event()  # to stop
        self.is_started = threading.Event()
        self.thread = None

    def one(self, key, default=None):
        return (self.service.get(key) or [default])[-1]

    def start(self, is_waited_for):
        if self.state in ("activating", "active"):
            return True
        self.state = "activating"
        self.is_told.clear()
        self.is_started.clear()
        self.thread = threading.Thread(target=self.live, daemon=True)
        self.thread.start()
        limit = seconds_of(self.one("TimeoutStartSec", "infinity" if self.kind == "oneshot" else "90s"))
        if is_waited_for and not self.is_started.wait(limit):
            self.stop()
            self.state = "failed"
            self.machine.say("systemd", f"{self.name}: start operation timed out.")
        return self.state != "failed"

    def live(self):
        starts = []
        while True:
            starts = [one for one in starts if one > time.monotonic() - self.limit_s] + [time.monotonic()]
            try:
                result, status = self.once()
            except NoUnit as error:
                self.machine.say("systemd", f"{self.name}: {error}")
                result, status = "resources", 0
                break
            again = result in RESTARTS[self.one("Restart", "no")]
            if not again or self.is_told.wait(seconds_of(self.one("RestartSec", "100ms")) or 0) or not self.machine.is_on:
                break
            if len(starts) >= self.starts_max:
                self.machine.say("systemd", f"{self.name}: Start request repeated too quickly.")
                result = "start-limit-hit"
                break
            self.machine.say("systemd", f"{self.name}: Scheduled restart job.")
        if result == "success":
            self.state = "active" if self.one("RemainAfterExit") in ("yes", "true") else "inactive"
        else:
            self.state = "failed"
            self.machine.say("systemd", f"{self.name}: Failed with result '{result}', status {status}.")
        self.is_started.set()

    def once(self):
        """("success" or systemd's word, the exit status) of what ended it."""
        result, status = "success", 0
        for line in self.service.get("ExecStartPre", []):
            result, status = self.command(line)
            if result != "success":
                break
        if result == "success":
            for line in self.service["ExecStart"]:
                if self.kind != "oneshot":
                    self.state = "active"
                result, status = self.command(line, is_main=True)
                if result != "success":
                    break
            if result == "success":
                for line in self.service.get("ExecStartPost", []):
                    self.command(line)
        after = {"SERVICE_RESULT": result, "EXIT_CODE": "killed" if status < 0 else "exited", "EXIT_STATUS": signal.Signals(-status).name.removeprefix("SIG") if status < 0 else str(status)}
        for line in self.service.get("ExecStopPost", []):
            if self.machine.is_on:
                self.command(line, after)
        return result, status

    def command(self, line, more=(), is_main=False):
        found = re.match(r"[-+!:@]*", line)
        may_fail = "-" in found[0]
        environment = {**self.environment, **dict(more), "STAND_IN_UNIT": self.mark}
        try:
            words = [self.expand(word, environment) for word in shlex.split(line[found.end():].strip())]
        except ValueError as error:
            raise NoUnit(f"no command: {line}: {error}") from error
        if self.is_told.is_set() and is_main:
            return "success", 0
        process = self.machine.spawn(words, environment, self.goes_to_console())
        if process is None:
            return ("success" if may_fail else "exit-code"), 203  # EXIT_EXEC
        if is_main:
            self.process = process
            if self.kind != "oneshot":
                self.is_started.set()
            process.wait()
            self.end_rest()
        status = self.machine.wait(process)
        ok = {0, *(int(word) for word in (self.one("SuccessExitStatus") or "").split()),
              *(CLEAN if is_main and self.kind != "oneshot" else ())}
        if status in ok or may_fail or (is_main and self.is_told.is_set()):
            return "success", status
        return ("signal" if status < 0 else "exit-code"), status

    def end_rest(self):
        """What the main process has left of the unit's cgroup does not outlive it (systemd.kill, KillMode=)."""
        kill_mode = self.one("KillMode", KILLS[0])
        if kill_mode == "control-group":
            deadline = time.monotonic() + (seconds_of(self.one("TimeoutStopSec", f"{STOP_S}s")) or STOP_S)
            while self.machine.signal_those_of(self.mark, signal.SIGTERM) and time.monotonic() < deadline:
                time.sleep(0.05)
        if kill_mode in ("control-group", "mixed"):
            while self.machine.signal_those_of(self.mark, signal.SIGKILL):
                time.sleep(0.01)

    def expand(self, word, environment):
        def specifier(found):
            known = {"%%": "%", "%n": self.name, "%N": self.name.removesuffix(".service"), "%H": self.machine.vm.name}
            if found[0] not in known:
                raise NoUnit(f"the specifier {found[0]} is not played")
            return known[found[0]]
        word = re.sub("%.", specifier, word)
        word = re.sub(r"\$\{(\w+)\}", lambda found: environment.get(found[1], ""), word.replace("$$", "\0"))
        if word.startswith("$"):
            word = environment.get(word[1:], "")
        return word.replace("\0", "$")

    def kill(self):
        """As a person or the kernel does it, who are no stop."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()

    def goes_to_console(self):
        """Else what it says is in the journal alone, which dies with the machine."""
        return "console" in self.one("StandardOutput", "journal")

    def stop(self):
        """ExecStop=, then SIGTERM, then SIGKILL. Waits for the end, ExecStopPost= included."""
        if self.thread is None or not self.thread.is_alive():
            self.state = "inactive" if self.state != "failed" else "failed"
            return
        self.is_told.set()
        for line in self.service.get("ExecStop", []):
            self.command(line)
        limit = seconds_of(self.one("TimeoutStopSec", f"{STOP_S}s"))
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(limit)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.thread.join(limit)
        self.state = "inactive"
