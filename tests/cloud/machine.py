"""A VM that boots: cloud-init's user data carried out on this machine, and its containers on the local Docker engine.

The guest is a mount namespace whose /etc, /var, /home, /mnt, /run and /tmp are folders of its own; the rest is this machine's. As
on Container-Optimized OS, what is tmpfs there begins empty at each boot, /var, /home and /tmp cannot be executed from but for
/var/lib/docker, /var/lib/google and /mnt/disks, and cloud-init is carried out at every boot
(container-optimized-os/docs/concepts/disks-and-filesystem). Needs root and util-linux."""

import contextlib
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time

from . import cloud_config
from .metadata import Metadata
from .server import Server
from .units import NoUnit, Unit

CONSOLE_BYTES_MAX = 4 << 20
EMPTY_AT_BOOT = ("etc", "run", "tmp", "mnt", "var/lib/cloud")
KEPT = ("var", "home", "var/lib/docker", "var/lib/google", "var/tmp", "mnt/disks", "etc/systemd/system")
NAMES = ("docker", "docker-credential-gcr", "systemctl", "poweroff", "reboot", "halt", "shutdown")
TOOLS = "run/stand-in"  # of the stand-in, in the guest
# Order: what is hidden by one may be the place of another.
ENTER = """set -eu
root=$1
hostname "$(cat "$root/etc/hostname")"
shift
if [ -n "$STAND_IN_DOCKER" ]; then
  mount --bind "$STAND_IN_DOCKER" "$root/run/docker.sock"
  mount --bind "$STAND_IN_REAL_DOCKER" "$root/run/stand-in/real-docker"
fi
mount --rbind "$root/run" /run
for docker in /usr/bin/docker /usr/local/bin/docker; do
  if [ -e "$docker" ]; then mount --bind /run/stand-in/docker "$docker"; fi
done
mount --bind "$root/etc" /etc
for own in var home; do
  mount --bind "$root/$own" "/$own"
  mount -o remount,bind,noexec,nosuid,nodev "/$own"
done
for own in var/lib/docker var/lib/google mnt; do mount --bind "$root/$own" "/$own"; done
mount --bind "$root/tmp" /tmp
mount -o remount,bind,noexec,nosuid,nodev /tmp
cd /
exec "$@"
"""


class Machine:
    """Its threads take the world's lock for a moment only; who calls from under it never waits for them."""

    def __init__(self, world, vm):
        self.world, self.vm = world, vm
        self.is_on = False
        self.boots = 0
        self.console, self.journal = bytearray(), bytearray()
        self.units, self.processes = {}, set()
        self.server = None
        self.room_kb = None  # as much as the disk of this machine has
        self.disk = None  # where one of its own is mounted
        self.root = pathlib.Path(world.folder) / f"{vm.zone.name}-{vm.name}-{vm.number}"
        self.writing = threading.Lock()
        self.making = threading.Lock()  # what a boot finds on its disks: one boot after the other

    def has_guest(self):
        return self.world.has_guests and "user-data" in self.vm.metadata

    # Under the world's lock.

    def boot(self):
        """Returns at once; the guest goes on by itself."""
        self.is_on = True
        self.boots += 1
        self.units = {}
        if self.server is None:
            self.server = Server(self.world, [Metadata(self.world, self.vm)])
        rule = self.world.misbehaviour.take({"full_disk"}, f"{self.vm.zone.name}/{self.vm.name}")
        self.room_kb = int(rule.get("kb", 64)) if rule and self.room_kb is None else self.room_kb
        self.say("stand-in", f"boot {self.boots} of {self.vm.name} in {self.vm.zone.name}")
        if self.has_guest():
            threading.Thread(target=self.live, args=(self.boots,), daemon=True).start()

    def off(self):
        """The power is cut."""
        if not self.is_on:
            return
        self.is_on = False
        for process in list(self.processes):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        if self.root.exists():
            signal_those_with(f"STAND_IN_ROOT={self.root}", signal.SIGKILL)  # the numbers of VMs are those of another stand-in, too
            self.containers("kill")

    def soft_off(self, ended):
        """The guest is told by ACPI, and stops its units; then `ended` is called, under the lock."""
        def tell():
            self.say("systemd", "Powering off.")
            for unit in list(self.units.values()):
                unit.stop()
            with self.world.lock:
                ended()
        threading.Thread(target=tell, daemon=True).start()

    def delete(self):
        """Returns at once; what there was of it on this machine goes meanwhile. An engine that is busy takes seconds for that, and the
        whole cloud would stand still."""
        self.world.leaving.append(threading.Thread(target=self.clean_up, args=(self.server,), daemon=True))
        self.world.leaving[-1].start()
        self.server = None

    def clean_up(self, server):
        if server is not None:
            server.close()
        self.containers("rm", "--force")
        if self.disk:
            subprocess.run(["umount", "-l", str(self.disk)], check=False)
        shutil.rmtree(self.root, ignore_errors=True)

    def containers(self, *verb):
        """Of this VM; nothing without an engine, or when none was made."""
        if not self.world.docker or not self.root.exists():
            return
        docker = ["docker", "--host", f"unix://{self.world.docker}"]
        try:
            found = subprocess.run([*docker, "ps", "--all" if verb[0] == "rm" else "--no-trunc", "--quiet", "--filter",
                                    f"label=busker.stand-in.vm={self.vm.number}"], capture_output=True, text=True, check=False, timeout=60)
            if found.stdout.split():
                subprocess.run([*docker, *verb, *found.stdout.split()], capture_output=True, check=False, timeout=60)
        except subprocess.TimeoutExpired as error:
            print(f"{self.vm.name}: {error}", file=sys.stderr, flush=True)

    # The guest's own threads.

    def live(self, boot):
        try:
            if os.geteuid() != 0:
                raise cloud_config.NoCloudConfig("a guest needs root on this machine")
            with self.making:
                if boot != self.boots:
                    return
                self.make_folders()
                config = cloud_config.read(self.vm.metadata["user-data"])
                for file in config.files:
                    self.write(file)
            for number, command in enumerate(config.commands, 1):
                if not self.is_on or boot != self.boots:
                    return
                words = command if isinstance(command, list) else ["/bin/sh", "-c", command]
                process = self.spawn(words, {}, is_on_console=True)
                status = self.wait(process) if process else 127
                if status != 0:
                    self.say("cloud-init", f"runcmd {number} failed with status {status}: {command}")
            self.say("cloud-init", f"finished, boot {boot}")
        except (cloud_config.NoCloudConfig, OSError) as error:
            self.say("cloud-init", f"failed: {error}")

    def make_folders(self):
        for name in EMPTY_AT_BOOT:
            shutil.rmtree(self.root / name, ignore_errors=True)
        for name in (*EMPTY_AT_BOOT, *KEPT, TOOLS):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        if self.room_kb is not None and self.disk is None:
            self.disk = self.root / "var/lib/google"
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.room_kb}k,mode=0755", "tmpfs", str(self.disk)], check=True)
        shutil.copytree("/etc", self.root / "etc", symlinks=True, dirs_exist_ok=True, ignore_dangling_symlinks=True,
                        ignore=lambda folder, names: names if folder == "/etc/systemd/system" else [])
        (self.root / "etc/hostname").write_text(self.vm.name + "\n")
        run = self.root / "var/run"
        if not run.is_symlink():
            run.symlink_to("../run")
        (self.root / "tmp").chmod(0o1777)
        for name in ("run/docker.sock", f"{TOOLS}/real-docker"):
            (self.root / name).touch()
        program = pathlib.Path(__file__).with_name("guest_command.py").read_text()
        for name in NAMES:
            tool = self.root / TOOLS / name
            tool.write_text(f"#!{sys.executable}\n{program}")
            tool.chmod(0o755)
        (self.root / TOOLS / "enter").write_text(ENTER)

    def write(self, file):
        """Where the guest sees it; elsewhere than in its own folders the disk of COS is read-only."""
        if file.path.split("/")[1] not in ("etc", "var", "home", "mnt", "run", "tmp"):
            raise cloud_config.NoCloudConfig(f"{file.path}: Read-only file system")
        place = self.root / file.path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        with open(place, "ab" if file.is_appended else "wb") as opened:
            opened.write(file.content)
        place.chmod(file.mode)

    def environment(self):
        """What a unit of COS has, and what leads to the stand-in."""
        place = self.server.place if self.server else ""
        found = {"PATH": f"/{TOOLS}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8",
                 "GCE_METADATA_HOST": place, "GCE_METADATA_IP": place, **self.world.guest_variables}
        variables = " ".join(["GCE_METADATA_HOST", "GCE_METADATA_IP", *self.world.guest_variables])
        return {**found, "STAND_IN_VM": self.vm.number, "STAND_IN_ROOT": str(self.root), "STAND_IN_VARIABLES": variables,
                "STAND_IN_MOUNTS": " ".join(self.world.guest_mounts),
                "STAND_IN_DOCKER": str(self.world.docker or ""), "STAND_IN_REAL_DOCKER": shutil.which("docker") or ""}

    def spawn(self, words, variables, is_on_console):
        """Starts a command in the guest; None when it is not there, or the power is off."""
        if not self.is_on or not words:
            return None
        name = os.path.basename(words[0])
        if name in NAMES and words[0].startswith(("/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/")):
            words = [f"/{TOOLS}/{name}", *words[1:]]
        entered = ["unshare", "--mount", "--uts", "--propagation", "slave", "/bin/sh", str(self.root / TOOLS / "enter"), str(self.root),
                   *words]
        process = subprocess.Popen(entered, env={**self.environment(), **variables}, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        process.listener = threading.Thread(target=self.listen, args=(process, os.path.basename(words[0]), is_on_console), daemon=True)
        self.processes.add(process)
        process.listener.start()
        if not self.is_on:  # the power went meanwhile
            process.kill()
        return process

    def wait(self, process):
        """Its status, negative for a signal; what it said has been written down before."""
        status = process.wait()
        process.listener.join(5)
        self.processes.discard(process)
        return status

    def listen(self, process, name, is_on_console):
        with process.stdout:
            for line in process.stdout:
                self.say(name, line.decode(errors="replace").rstrip("\n"), is_on_console)

    @staticmethod
    def signal_those_of(mark, what):
        """Of a unit's cgroup. How many there were."""
        return signal_those_with(f"STAND_IN_UNIT={mark}", what)

    def kill_units(self):
        for unit in list(self.units.values()):
            unit.kill()

    def say(self, name, line, is_on_console=True):
        """To the console, which the serial port tells, or to the journal alone."""
        text = f"[{time.time():.3f}] {name}: {line}\r\n".encode()
        with self.writing:
            (self.console if is_on_console else self.journal).extend(text)
            del self.console[:-CONSOLE_BYTES_MAX], self.journal[:-CONSOLE_BYTES_MAX]

    # What the guest asks of its machine (guest_command.py); not under the lock.

    def told(self, name, words):
        """(status, what is said)"""
        if name == "systemctl":
            return self.systemctl([word for word in words if word not in ("-q", "--quiet")])
        if name == "reboot" or (name == "shutdown" and "-r" in words):
            self.by_itself(self.world.compute.lives.reboot)
        else:
            self.by_itself(self.world.compute.lives.guest_ended)
        return 0, ""

    def by_itself(self, deed):
        def do():
            time.sleep(0.05)  # so that who asked hears that it was heard
            with self.world.lock:
                if self.is_on:
                    deed(self.vm)
        threading.Thread(target=do, daemon=True).start()

    def systemctl(self, words):
        if words and words[0] in ("poweroff", "reboot", "halt"):
            return self.told(words[0], [])
        options = {word for word in words if word.startswith("-")}
        verb, *names = [word for word in words if not word.startswith("-")] or [""]
        if options - {"--now", "--no-block"}:
            return 1, f"not played: systemctl {shlex.join(words)}\n"
        if verb in ("daemon-reload", "reset-failed"):
            return 0, ""
        says, status = "", 0
        for name in (one if "." in one else f"{one}.service" for one in names):
            try:
                status = self.systemctl_one(verb, name, options) or status
            except NoUnit as error:
                self.say("systemd", f"{name}: {error}")
                says, status = f"{says}{name}: {error}\n", 1
        return status, says

    def systemctl_one(self, verb, name, options):
        if verb == "enable" and "--now" not in options:
            return 0
        if verb in ("start", "restart", "enable"):
            if verb == "restart" and name in self.units:
                self.units[name].stop()
            unit = self.units.get(name)
            if unit is None or unit.state not in ("active", "activating"):
                place = self.root / "etc/systemd/system" / name
                if not place.exists():
                    raise NoUnit(f"Unit {name} not found.")
                unit = self.units[name] = Unit(self, name, place.read_text())
            return 0 if unit.start(is_waited_for="--no-block" not in options) else 1
        if verb == "stop":
            if name in self.units:
                self.units[name].stop()
            return 0
        if verb == "is-active":
            return 0 if name in self.units and self.units[name].state == "active" else 3
        raise NoUnit(f"systemctl {verb} is not played")


def signal_those_with(mark, what):
    """Who has left its session is known by its environment. How many there were."""
    wanted, count = mark.encode(), 0
    for process in pathlib.Path("/proc").iterdir():
        if process.name.isdigit():
            with contextlib.suppress(OSError):
                if wanted in (process / "environ").read_bytes().split(b"\0"):
                    os.kill(int(process.name), what)
                    count += 1
    return count
