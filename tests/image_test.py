"""busker build: images without Docker, pushed to real registries, looked at by skopeo, run by a real Docker engine."""

import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
import zipfile

import engine
import registry
import workshop
from workshop import BUSKER, Service

TARGET = """
[image]
base = "{base}"
{more}

[targets.docker]
executor = "docker://{socket}?network=none"
image = "{image}"
"""


def setUpModule():
    global OPEN
    if not registry.is_there() or not engine.is_there():
        sys.exit("image_test needs root, docker-registry, skopeo and Debian's docker.io; script/setup image installs them")
    OPEN = registry.Registry()
    OPEN.put_base("base:1", registry.shell_base(), {"Env": ["MADE_BY=the-base", "PATH=/bin"]})


def tearDownModule():
    OPEN.close()


def without_docker(environment=None):
    """An environment in which nothing is installed but what Python needs."""
    return {**(environment or os.environ), "PATH": "/nowhere"}


class ImageTest(unittest.TestCase):
    def service_for(self, where=None, image="shop", base=None, socket="/nowhere.sock", more=""):
        where = where or OPEN
        service = Service(workshop.SERVICE_FILE + TARGET.format(
            base=base or f"{where.name}/base:1", more=more, socket=socket, image=f"{where.name}/{image}"))
        self.addCleanup(service.close)
        return service

    def build(self, service, *words, code=0, environment=None):
        done = service.busker("build", "--json", *words, env=environment or without_docker(), timeout=300)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return json.loads(done.stdout) if code == 0 else done.stderr

    def layers(self, where, image):
        """The files of each layer as an independent client hands them out, from the bottom up."""
        folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        options = ["--src-tls-verify=false"] + ([f"--src-creds=busker:{where.password}"] if where.password else [])
        subprocess.run(["skopeo", "copy", "--quiet", *options, f"docker://{where.name}/{image}", f"dir:{folder}"], check=True, timeout=120)
        manifest = json.loads((folder / "manifest.json").read_text())
        self.assertEqual(manifest["mediaType"], "application/vnd.oci.image.manifest.v1+json")
        config = json.loads((folder / manifest["config"]["digest"][7:]).read_text())
        found = []
        for layer, diff_id in zip(manifest["layers"], config["rootfs"]["diff_ids"], strict=True):
            path = folder / layer["digest"][7:]
            self.assertEqual(path.stat().st_size, layer["size"])
            with tarfile.open(path) as tar:
                found.append({member.name: member for member in tar})
            if path.read_bytes()[:2] == b"\x1f\x8b":
                plain = subprocess.run(["gzip", "-dc", path], capture_output=True, check=True).stdout
                self.assertEqual("sha256:" + hashlib.sha256(plain).hexdigest(), diff_id)
        return found, config


class PushTest(ImageTest):
    def test_an_image_is_pushed_without_docker_and_another_reads_it(self):
        service = self.service_for(image="team/first")
        service.write("data/big.csv", "x" * 100_000)
        built = self.build(service)
        facts = OPEN.inspect("team/first:1")
        self.assertEqual(facts["Digest"], built["digest"])
        self.assertEqual(set(facts["RepoTags"]), {"1", "busker-" + built["digest"][7:19]})
        self.assertEqual(facts["Labels"]["org.opencontainers.image.title"], "shop")
        self.assertIn("MADE_BY=the-base", facts["Env"])
        self.assertIn("data", built["left_out"])
        self.assertIn(".busker", built["left_out"])
        (_, top), config = self.layers(OPEN, "team/first:1")
        self.assertEqual(config["config"]["WorkingDir"], "/service")
        self.assertIn("service/configs/training.sh", top)
        self.assertFalse([name for name in top if ".busker" in name or "data" in name or "runner" in name])
        self.assertEqual({member.mtime for member in top.values()}, {315532800})
        self.assertEqual({(member.uid, member.gid) for member in top.values()}, {(0, 0)})
        self.assertEqual(top["service/model.sh"].mode, 0o755)

    def test_the_same_input_is_the_same_digest_from_another_folder_by_another_user(self):
        service = self.service_for(image="same")
        first = self.build(service)
        self.assertEqual(self.build(service)["digest"], first["digest"])
        other = pathlib.Path(tempfile.mkdtemp(prefix="busker-other-"))
        self.addCleanup(shutil.rmtree, other)
        for path in ("busker.toml", "model.sh", "configs"):
            (shutil.copytree if (service.folder / path).is_dir() else shutil.copyfile)(service.folder / path, other / path)
        (other / "model.sh").chmod(0o700)
        for path in [other, *other.rglob("*")]:
            os.chown(path, 65534, 65534)
        done = subprocess.run([str(BUSKER), "build", "-C", str(other), "--json"], user=65534, group=65534, extra_groups=[], umask=0o077,
                              env={"PATH": "/nowhere", "HOME": str(other), "TZ": "Asia/Tokyo", "LC_ALL": "C"}, capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["digest"], first["digest"])

    def test_what_is_there_is_not_sent_again_and_the_base_is_mounted(self):
        service = self.service_for(image="again")
        first = self.build(service)
        self.assertEqual((first["layers_sent"], first["layers_mounted"]), (1, 1))
        before = len(OPEN.requests("PUT")), len(OPEN.requests("GET"))
        second = self.build(service)
        self.assertEqual((second["layers_sent"], second["layers_there"], second["bytes_sent"]), (0, 2, 0))
        put = OPEN.requests("PUT")[before[0]:]
        self.assertEqual([line for line in put if "/manifests/" not in line], [], "only the manifest goes again")
        self.assertFalse([line for line in OPEN.requests("GET")[before[1]:] if "/v2/again/blobs" in line])
        service.write("configs/training.sh", "echo other\n")
        third = self.build(service)
        self.assertEqual(third["layers_sent"], 1)
        self.assertLess(third["bytes_sent"], 10_000)
        self.assertNotEqual(third["digest"], first["digest"])

    def test_a_base_of_another_registry_is_carried_over_once(self):
        other = registry.Registry()
        self.addCleanup(other.close)
        other.put_base("base:1", registry.shell_base())
        service = self.service_for(base=f"{other.name}/base:1", image="carried")
        self.assertEqual(self.build(service)["layers_sent"], 2)
        service.write("configs/training.sh", "echo other\n")
        self.assertEqual(self.build(service)["layers_sent"], 1)

    def test_what_is_wrong_is_said_with_the_remedy(self):
        service = self.service_for(base=f"{OPEN.name}/none:1")
        said = self.build(service, code=3)
        self.assertIn("get none:1", said)
        self.assertIn(f"the base image {OPEN.name}/none:1: ", said)  # it did not say which image it was about
        service = self.service_for(more='dockerfile = "Dockerfile"')
        self.assertIn("leave one of them out", self.build(service, code=2))
        service = self.service_for()
        os.mkfifo(service.folder / "pipe")
        self.assertIn(".dockerignore", self.build(service, code=2))
        service = self.service_for()
        service.write("busker.toml", workshop.SERVICE_FILE)
        self.assertIn('image = "registry.example/shop"', self.build(service, code=2))


    # A tag or digest of the target was dropped by build and asked for by run.
    def test_an_image_with_a_tag_or_digest_is_not_built(self):
        for rest in (":7", "@sha256:" + "0" * 64):
            service = self.service_for(image="tagged" + rest)
            said = self.build(service, code=2)
            self.assertRegex(said, r"busker.toml:\d+:\d+: target \"docker\" has image")
            self.assertIn(f'leave "{rest}" out', said)

    def test_of_a_whole_repository_the_programs_folder_is_the_image(self):
        service = self.service_for(image="whole", more='python = "3.11"')
        (service.folder / "configs").rename(service.folder / "moved")
        shutil.rmtree(service.folder / "moved")
        service.write("busker.toml", (service.folder / "busker.toml").read_text().replace('command = "./model.sh', 'command = "../model.sh'))
        service.write("service/configs/training.json", "{}")
        service.write("service/requirements.txt", "# nothing\n")
        service.write("scheduler/configs/nightly.json", json.dumps({"graph": {"dag_id": "nightly"}, "tasks": [], "dependencies": []}))
        self.build(service)
        layers, _ = self.layers(OPEN, "whole:1")
        self.assertEqual(len(layers), 2, "requirements that name nothing are no layer")
        self.assertIn("service/configs/training.json", layers[-1])
        self.assertNotIn("service/scheduler", layers[-1])


class DoorTest(ImageTest):
    """Registries that ask who is there, and that prove who they are."""

    def locked(self, **how):
        locked = registry.Registry(**how)
        self.addCleanup(locked.close)
        return locked

    # .python-version was silently of no use beside a base that is named.
    def test_a_base_that_is_named_has_the_python_that_it_has_and_another_is_told(self):
        OPEN.put_base("python:1", registry.shell_base(), {"Env": ["PYTHON_VERSION=3.11.2", "PATH=/bin"]})
        service = self.service_for(base=f"{OPEN.name}/python:1")
        told = "the image has Python 3.11, that of its base; the 3.12 of .python-version counts where [image] base is not said"
        for version, times in (("3.12.1", 1), ("3.11", 0)):
            service.write(".python-version", version + "\n")
            done = service.busker("build", env=without_docker())
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(done.stderr.count(told), times, done.stderr)

    # It was silent for a minute.
    def test_a_registry_that_is_not_there_is_waited_for_with_a_word(self):
        service = self.service_for()
        gone = f"127.0.0.1:{registry.free_port()}"
        service.write("busker.toml", (service.folder / "busker.toml").read_text().replace(f'image = "{OPEN.name}', f'image = "{gone}'))
        said = self.build(service, code=75)
        self.assertEqual(said.count(f"waiting for the registry {gone}: "), 1, said)
        self.assertIn("Connection refused; nothing has answered there so far: is its name right, and does it run?", said)

    def test_a_login_is_found_as_dockers_client_finds_it(self):
        locked = self.locked(password="open sesame")
        locked.put_base("base:1", registry.shell_base())
        service = self.service_for(locked)
        folder = service.folder / "login"
        self.assertIn("docker login " + locked.name, self.build(service, code=1, environment=without_docker({"HOME": "/nowhere"})))
        self.build(service, environment=without_docker(registry.login(locked, folder)))
        (folder / "config.json").write_text(json.dumps({"auths": {locked.name: {"auth": "YnVza2VyOndyb25n"}}}))
        refused = self.build(service, code=1, environment=without_docker({"DOCKER_CONFIG": str(folder)}))
        self.assertIn("is the login of docker login good for it?", refused)
        self.assertNotIn("wrong", refused)
        # A helper: it is asked on its standard input, and nothing secret is an argument.
        helper = service.write("helpers/docker-credential-ours", f"""#!/bin/sh
/bin/echo "$@" > {service.folder}/asked
/bin/cat >> {service.folder}/asked
/bin/echo '{{"ServerURL": "x", "Username": "busker", "Secret": "open sesame"}}'
""", mode=0o755)
        (folder / "config.json").write_text(json.dumps({"credHelpers": {locked.name: "ours"}}))
        self.build(service, environment={"DOCKER_CONFIG": str(folder), "PATH": str(helper.parent)})
        self.assertEqual((service.folder / "asked").read_text(), f"get\n{locked.name}")
        for path in service.home.rglob("*"):
            self.assertFalse(path.is_file() and b"sesame" in path.read_bytes(), path)

    def test_a_registry_proves_who_it_is(self):
        safe = self.locked(tls=True)
        safe.put_base("base:1", registry.shell_base())
        service = self.service_for(safe)
        self.assertIn("certificate is not trusted", self.build(service, code=1))
        self.build(service, environment=without_docker({"SSL_CERT_FILE": str(safe.ca)}))
        # And by Docker's own convention.
        folder = pathlib.Path("/etc/docker/certs.d") / safe.name
        folder.mkdir(parents=True)
        self.addCleanup(shutil.rmtree, folder)
        shutil.copy(safe.ca, folder / "ca.crt")
        self.build(service)


class PackagesTest(ImageTest):
    """A service in Python; its packages come from a folder of wheels that this test writes."""

    def setUp(self):
        self.wheels = pathlib.Path(tempfile.mkdtemp(prefix="busker-wheels-"))
        self.addCleanup(shutil.rmtree, self.wheels)
        self.make_wheel("greeting", "1.0")

    def make_wheel(self, name, version):
        with zipfile.ZipFile(self.wheels / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
            info = f"{name}-{version}.dist-info"
            wheel.writestr(f"{name}.py", f"def say():\n    print('greeting {version}')\n")
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/entry_points.txt", f"[console_scripts]\n{name} = {name}:say\n")
            wheel.writestr(f"{info}/RECORD", "")

    def environment(self):
        return {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels)}

    def test_packages_are_a_layer_of_their_own_the_same_for_everyone(self):
        service = self.service_for(image="packed", more='python = "3.11"')
        service.write("requirements.txt", "greeting==1.0  # says hello\n")
        first = self.build(service, environment=self.environment())
        (_, packages, _), _ = self.layers(OPEN, "packed:1")
        self.assertIn("usr/local/lib/python3.11/site-packages/greeting.py", packages)
        self.assertIn("usr/local/bin/greeting", packages)
        self.assertFalse([name for name in packages if name.endswith(".pyc")])
        # Another folder, another Python that runs pip: the same bytes.
        other = self.service_for(image="packed", more='python = "3.11"')
        other.write("requirements.txt", "greeting==1.0  # says hello\n")
        environment = {**self.environment(), "PATH": "/usr/bin:/bin"}
        self.assertEqual(self.build(other, environment=environment)["digest"], first["digest"])
        # One line of source: the packages stay, and pip is not asked.
        service.write("source/a.py", "print()\n")
        changed = self.build(service, environment=without_docker())
        self.assertEqual((changed["layers_sent"], changed["layers_there"]), (1, 2))

    def test_requirements_of_the_service_and_of_its_source_both_count(self):
        self.make_wheel("other", "2.0")
        service = self.service_for(image="both", more='python = "3.11"')
        service.write("requirements.txt", "greeting\n")
        service.write("source/requirements.txt", "other\n")
        self.build(service, environment=self.environment())
        (_, packages, _), _ = self.layers(OPEN, "both:1")
        self.assertIn("usr/local/lib/python3.11/site-packages/greeting.py", packages)
        self.assertIn("usr/local/lib/python3.11/site-packages/other.py", packages)

    def test_a_requirement_without_a_wheel_is_named_and_a_dockerfile_offered(self):
        service = self.service_for(more='python = "3.11"')
        for requirement in ("greeting==9", "git+https://example.com/x.git"):
            service.write("requirements.txt", requirement + "\n")
            said = self.build(service, code=2, environment=self.environment())
            self.assertIn(requirement + " has no wheel", said)
            self.assertIn("container/Dockerfile", said)

    def test_build_for_local_makes_the_environment_and_run_says_when_it_is_older(self):
        service = self.service_for()
        service.write("requirements.txt", "greeting==1.0\n")
        done = service.busker("build", "--target", "local", env=self.environment())
        self.assertEqual(done.returncode, 0, done.stderr)
        said = subprocess.run([str(service.folder / ".venv/bin/greeting")], capture_output=True, text=True, check=True).stdout
        self.assertEqual(said, "greeting 1.0\n")
        self.assertNotIn(".venv", service.busker("run", "training").stderr)
        self.assertFalse(self.build(service, "--target", "local")["made"], "all is well without pip")
        self.make_wheel("greeting", "1.1")
        service.write("requirements.txt", "greeting==1.1\n")
        self.assertIn("older than requirements.txt", service.busker("run", "training").stderr)
        self.assertTrue(self.build(service, "--target", "local", environment=self.environment())["made"])
        self.assertNotIn(".venv", service.busker("run", "training").stderr)


class EngineTest(ImageTest):
    def test_the_commands_of_the_manual_work(self):
        page = (workshop.SOURCE / "docs/containers.md").read_text()
        blocks = re.findall(r"```console image\n(.*?)```", page, re.DOTALL)
        self.assertTrue(blocks)
        service = self.service_for(image="manual", socket=self.engine.socket)
        script = "\n".join(line[2:] for block in blocks for line in block.splitlines())
        environment = {**self.docker(), "PATH": f"{workshop.BUILD}:{os.environ['PATH']}"}
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=service.folder, env=environment, capture_output=True,
                              text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    @classmethod
    def setUpClass(cls):
        cls.engine = engine.Docker()

    @classmethod
    def tearDownClass(cls):
        cls.engine.close()

    def docker(self):
        return {**os.environ, "DOCKER_HOST": f"unix://{self.engine.socket}"}

    def test_what_was_built_is_pulled_by_its_digest_and_run(self):
        service = self.service_for(image="run", socket=self.engine.socket)
        service.write("configs/training.sh", "echo first > output/model.txt; echo '{\"auc\": 1}' > output/metrics.json")
        first = self.build(service)
        service.must("run", "training", "--target", "docker")
        # The tag moves on while the engine still has what it was.
        service.write("configs/training.sh", "echo second > output/model.txt; echo '{\"auc\": 1}' > output/metrics.json")
        service.must("run", "training", "--target", "docker")
        second = self.build(service)
        service.must("run", "training", "--target", "docker")
        made = [(path / "model.txt").read_text() for path in sorted(service.home.glob("artifacts/shop/1/training/2*"))]
        self.assertEqual(made, ["first\n", "first\n", "second\n"])
        places = [run["tasks"][0]["place"] for run in reversed(service.facts("runs"))]
        for place, built in zip(places, (first, first, second), strict=True):
            self.assertIn(f"image={built['reference']}&", place)
        self.assertEqual(first["reference"], f"{OPEN.name}/run@{first['digest']}")

    def test_a_private_registry_gets_the_login_and_a_version_names_what_ran(self):
        # It is the engine that pulls, and nobody had told it who asks.
        locked = registry.Registry(password="open sesame")
        self.addCleanup(locked.close)
        locked.put_base("base:1", registry.shell_base())
        service = self.service_for(locked, image="private", socket=self.engine.socket)
        login = registry.login(locked, service.folder / "login")
        built = self.build(service, environment=without_docker(login))
        done = service.busker("run", "training", "--target", "docker", env={**os.environ, "HOME": "/nowhere"})
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("private@sha256", done.stdout + done.stderr)
        self.assertIn("cannot be fetched", done.stdout + done.stderr)
        done = service.busker("run", "training", "--target", "docker", env=login)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        saved, = service.home.glob("artifacts/shop/1/training/2*")
        self.assertEqual(json.loads((saved / "manifest.json").read_text())["image"], built["reference"])
        self.assertEqual(service.facts("runs")[0]["tasks"][0]["attempts"][0]["image"], built["reference"])
        self.assertIn("Fetching the image", service.must("logs", service.facts("runs")[0]["id"]))
        for path in service.home.rglob("*"):
            self.assertFalse(path.is_file() and b"sesame" in path.read_bytes(), path)

    def test_a_dockerfile_is_built_by_the_program_that_is_there(self):
        service = self.service_for(image="filed", socket=self.engine.socket)
        service.write("busker.toml", (service.folder / "busker.toml").read_text().replace("[image]\nbase =", "[image]\n# base ="))
        service.write("container/Dockerfile", f"FROM {OPEN.name}/base:1\nCOPY . /service\nENV MADE_BY=the-file\n")
        built = self.build(service, environment=self.docker())
        facts = OPEN.inspect("filed:1")
        self.assertEqual(facts["Digest"], built["digest"])
        self.assertIn("busker-" + built["digest"][7:19], facts["RepoTags"])
        self.assertIn("MADE_BY=the-file", facts["Env"])
        self.assertTrue((service.folder / ".dockerignore").exists())
        service.must("run", "training", "--target", "docker")
        self.assertIn("neither is installed", self.build(service, code=3))

    # Podman wants TLS of a registry on this machine, too, and Docker does not.
    def test_podman_builds_and_pushes_to_a_registry_of_this_machine(self):
        podman = engine.Podman()
        self.addCleanup(podman.close)
        podman.make_image("localhost/shell:1")
        service = self.service_for(image="by-podman", socket=podman.socket)
        service.write("busker.toml", (service.folder / "busker.toml").read_text().replace("[image]\nbase =", "[image]\n# base ="))
        service.write("Dockerfile", "FROM localhost/shell:1\nCOPY . /service\n")
        programs = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, programs)
        (programs / "docker").write_text("#!/bin/sh\nexit 1\n")
        (programs / "docker").chmod(0o755)
        built = self.build(service, environment={**podman.environment, "PATH": f"{programs}:{os.environ['PATH']}"})
        self.assertEqual(OPEN.inspect("by-podman:1")["Digest"], built["digest"])
        service.must("run", "training", "--target", "docker")

    # The builder's own output came all the same.
    def test_quiet_shows_what_a_builder_printed_only_when_it_fails(self):
        service = self.service_for(image="quiet", socket=self.engine.socket)
        service.write("busker.toml", (service.folder / "busker.toml").read_text().replace("[image]\nbase =", "[image]\n# base ="))
        file = f"FROM {OPEN.name}/base:1\nRUN echo here-is-what-it-does\n"
        service.write("Dockerfile", file)
        quiet = lambda: service.busker("build", "-q", env=self.docker(), timeout=300)
        done = quiet()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("built ", done.stdout)
        service.write("Dockerfile", file + "RUN echo it-went-wrong; exit 3\n")
        done = quiet()
        self.assertEqual(done.returncode, 1)
        self.assertIn("it-went-wrong", done.stderr)
        self.assertIn("ended with exit code", done.stderr)

    def test_an_image_without_a_registry_is_loaded_into_the_engine(self):
        service = self.service_for(image="loaded", socket=self.engine.socket)
        service.write("busker.toml", (service.folder / "busker.toml").read_text().replace(f'"{OPEN.name}/loaded"', '"shop-local"'))
        self.build(service, environment=os.environ)
        service.must("run", "training", "--target", "docker")


if __name__ == "__main__":
    unittest.main()
