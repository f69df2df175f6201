"""What is found in a VM of the stand-in under the names `docker`, `systemctl`, `poweroff`, `reboot`, `halt`, `shutdown` and
`docker-credential-gcr`. A program of its own: it runs in the VM.

`docker` is the real one, but for what the engine outside of the VM cannot know: folders of the VM are elsewhere there, and the
metadata server is at another address. The others tell the machine."""

import json
import os
import sys
import urllib.request

FOLDERS = ("/etc", "/var", "/home", "/mnt", "/run", "/tmp")  # the VM's own


def outside(path, root):
    """Where the engine finds it."""
    path = os.path.normpath(path)
    if path in ("/var/run/docker.sock", "/run/docker.sock"):
        return os.environ["STAND_IN_DOCKER"]
    is_own = any(path == one or path.startswith(one + "/") for one in FOLDERS)
    if path.startswith("/var/run/"):
        path = path.removeprefix("/var")
    return root + path if is_own else path


def bind_of(text, root):
    source, sign, rest = text.partition(":")
    return outside(source, root) + sign + rest if source.startswith("/") and sign else text


def mount_of(text, root):
    parts = []
    for part in text.split(","):
        key, _, value = part.partition("=")
        parts.append(f"{key}={outside(value, root)}" if key in ("source", "src") and value.startswith("/") else part)
    return ",".join(parts)


def docker_words(words):
    """The words for the engine outside: only of `run` and `create` another than those that were given."""
    if not words or words[0] not in ("run", "create"):
        return words
    root = os.environ["STAND_IN_ROOT"]
    done, rest = [words[0]], words[1:]
    has_network = any(word.split("=")[0] in ("--network", "--net") for word in rest)
    if not has_network:
        done += ["--network", "host"]
    done += ["--label", f"busker.stand-in.vm={os.environ['STAND_IN_VM']}"]
    for name in os.environ["STAND_IN_VARIABLES"].split():
        done += ["--env", name]
    for folder in os.environ["STAND_IN_MOUNTS"].split():
        done += ["--volume", f"{folder}:{folder}"]
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):  # the image, or the value of an option that nothing here is done to
            done.append(word)
            continue
        option, sign, value = word.partition("=")
        change = {"-v": bind_of, "--volume": bind_of, "--mount": mount_of}.get(option)
        if change and sign:
            done.append(option + sign + change(value, root))
        elif change and rest:
            done += [option, change(rest.pop(0), root)]
        else:
            done.append(word)
    return done


def tell(name, words):
    request = urllib.request.Request(f"http://{os.environ['GCE_METADATA_HOST']}/_guest/{name}", json.dumps(words).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=3600) as answer:
        said = json.loads(answer.read())
    print(said["says"], end="")
    return said["status"]


def main():
    name, words = os.path.basename(sys.argv[0]), sys.argv[1:]
    if name == "docker":
        if "HOME" not in os.environ:
            os.environ["DOCKER_CONFIG"] = "/var/lib/no-home"
        os.execv("/run/stand-in/real-docker", ["docker", "--host", "unix:///run/docker.sock", *docker_words(words)])
    if name == "docker-credential-gcr":
        if "HOME" not in os.environ:
            sys.exit("docker-credential-gcr: $HOME is not defined")
        return 0
    return tell(name, words)


if __name__ == "__main__":
    sys.exit(main())
