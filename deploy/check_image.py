"""`make check-image`: run the Dockerfile's steps and its command without Docker, in roots made by debootstrap.

As root, on Debian with debootstrap. The base image is stood in for by a minimal Debian of the suite that has the
image's Python (3.14: forky; SUITE names another), the container by namespaces of its own for processes and mounts, a
read-only root and a user without rights. ENV, USER, HEALTHCHECK, ENTRYPOINT and CMD are read from the Dockerfile. Ends
with 1 at the first thing that is not as it should be.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

SOURCE = Path(__file__).parents[1]
SUITE = os.environ.get("SUITE", "forky")
BASE = Path(f"/var/cache/reachinbox/{SUITE}-python3")  # made once; each run works on copies
DEBOOTSTRAP = Path("/usr/share/debootstrap")
START_S, STOP_S, REAP_S = 60, 20, 15
# Files that a host may need to reach the package registries from inside.
REACH = ("/etc/resolv.conf", "/etc/pip.conf", "/etc/ssl/certs", "/usr/local/share/ca-certificates", "/opt/wheels")
MOUNTS = """
set -eu
root=$1; shift
mount --bind "$root" "$root"
mount --bind "$root.data" "$root/var/lib/reachinbox"
mount -o remount,ro,bind "$root"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs tmpfs "$root/dev/shm"
mount -t proc proc "$root/proc"
exec setpriv --no-new-privs chroot --userspec="$USERSPEC" --groups= "$root" env --chdir=/var/lib/reachinbox "$@"
"""


def say(what: str) -> None:
    print(f"ok    {what}", flush=True)


def check(condition: object, what: str) -> None:
    if not condition:
        raise SystemExit(f"FAIL  {what}")
    say(what)


def run(*command: str | Path, **more: object) -> str:
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, **more).stdout  # type: ignore[call-overload]  # noqa: S603


def main() -> None:
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        sys.exit("this needs root, and Debian's debootstrap")
    if not BASE.exists():
        BASE.parent.mkdir(parents=True, exist_ok=True)
        draft = tempfile.mkdtemp(dir=BASE.parent)
        _debootstrap(draft)
        Path(draft).rename(BASE)
    dockerfile = Dockerfile((SOURCE / "Dockerfile").read_text())
    python = run("chroot", BASE, "python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])").strip()
    say(f"a minimal Debian in {BASE}, with Python {python}; the image's is {dockerfile.python}")
    with tempfile.TemporaryDirectory(prefix="image-", dir=BASE.parent, ignore_cleanup_errors=True) as folder:
        build, runtime = Path(folder, "build"), Path(folder, "runtime")
        for root in (build, runtime):
            run("cp", "--archive", "--reflink=auto", BASE, root)
            root.chmod(0o755)
        began = time.monotonic()
        _copy_context(build / "src")
        _in_root(build, "/bin/sh", "/src/deploy/build-image.sh", "/src", "/out")
        (wheel,) = (build / "out").glob("reachinbox-*.whl")
        say(f"{wheel.name}, {wheel.stat().st_size // 1024} kB, built in {time.monotonic() - began:.0f} s")
        shutil.copytree(build / "out", runtime / "mnt/out")
        shutil.copy(SOURCE / "deploy/install-runtime.sh", runtime / "mnt")
        before, began = _size_mb(runtime), time.monotonic()
        _in_root(runtime, "/bin/sh", "/mnt/install-runtime.sh", "/mnt/out")
        shutil.rmtree(runtime / "mnt/out")
        grown = _size_mb(runtime) - before
        say(f"installed with hashes, {grown} MB more, in {time.monotonic() - began:.0f} s")
        data = Path(f"{runtime}.data")
        shutil.copytree(runtime / "var/lib/reachinbox", data)
        os.chown(data, *map(int, dockerfile.user.split(":")))
        data.chmod(0o700)
        for start in ("first", "second"):
            _check_container(dockerfile, runtime, start)
    print("The image's steps and command do what they should.")


def _debootstrap(folder: str) -> None:
    """An older debootstrap knows no later suite, and makes it as it makes sid."""
    with tempfile.TemporaryDirectory() as copy:
        shutil.copytree(DEBOOTSTRAP, copy, symlinks=True, dirs_exist_ok=True)
        script = Path(copy, "scripts", SUITE)
        if not script.exists():
            script.symlink_to("sid")
        include = "--include=python3,python3-venv,ca-certificates"
        run("debootstrap", "--variant=minbase", include, SUITE, folder, env={**os.environ, "DEBOOTSTRAP_DIR": copy})


class Dockerfile:
    def __init__(self, text: str) -> None:
        (self.python,) = re.findall(r"^ARG PYTHON=python:(\S+)", text, re.MULTILINE)
        text = text.replace("\\\n", " ")
        final = text.rpartition("\nFROM ")[2]
        self.env = dict(re.findall(r"^ENV (\w+)=(\S+)$", final, re.MULTILINE))
        (self.user,) = re.findall(r"^USER (\S+)$", final, re.MULTILINE)
        self.command = self._words("ENTRYPOINT", final) + self._words("CMD", final)
        self.healthcheck = json.loads(re.findall(r"^HEALTHCHECK .*CMD (\[.*\])$", final, re.MULTILINE)[0])

    @staticmethod
    def _words(instruction: str, text: str) -> list[str]:
        return json.loads(re.findall(rf"^{instruction} (\[.*\])$", text, re.MULTILINE)[0])


class Container:
    """`up`, with a port of its own on this host's network."""

    def __init__(self, dockerfile: Dockerfile, root: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.env = dockerfile.env | {"PORT": str(self.port), "BASE_URL": f"http://127.0.0.1:{self.port}"}
        self.log = root.with_suffix(".log")
        self.log.unlink(missing_ok=True)
        words = [f"{name}={value}" for name, value in self.env.items()]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(  # noqa: S603 -- ours
                [
                    *("unshare", "--fork", "--pid", "--mount", "--kill-child", "/bin/sh", "-c", MOUNTS, "sh"),
                    *(str(root), "--ignore-environment", *words, *dockerfile.command),
                ],
                env={"PATH": os.environ["PATH"], "USERSPEC": dockerfile.user},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def init(self) -> int:
        """The process id, as this host sees it, of the container's process 1."""
        deadline = time.monotonic() + START_S
        while not (children := _children(self.process.pid)):
            if self.process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"FAIL  it did not start\n{self.log.read_text()}")
            time.sleep(0.01)
        return children[0]

    def inside(self, user: str, *command: str) -> int:
        """Run something in it, as `docker exec` does; its exit status."""
        uid, gid = user.split(":")
        enter = ["nsenter", "--target", str(self.init), "--pid", "--mount", "--root", "--wd=/"]
        words = [f"{name}={value}" for name, value in self.env.items()]
        full = [*enter, "--setuid", uid, "--setgid", gid, "env", "--ignore-environment", *words, *command]
        # Not through pipes, whose end would be waited for: an orphan keeps them open.
        return subprocess.run(full, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode  # noqa: S603 -- ours

    def zombies(self) -> int:
        space = os.readlink(f"/proc/{self.init}/ns/pid")
        count = 0
        for status in Path("/proc").glob("[0-9]*/status"):
            try:
                count += os.readlink(status.parent / "ns/pid") == space and "State:\tZ" in status.read_text()
            except OSError:
                # It ended while we looked; a zombie's namespace cannot be read, but its parent can.
                count += self._is_zombie_child(status)
        return count

    def _is_zombie_child(self, status: Path) -> bool:
        try:
            text = status.read_text()
        except OSError:
            return False
        return "State:\tZ" in text and f"PPid:\t{self.init}\n" in text


def _check_container(dockerfile: Dockerfile, root: Path, start: str) -> None:
    began = time.monotonic()
    container = Container(dockerfile, root)
    try:
        healthy = _until(lambda: container.inside(dockerfile.user, *dockerfile.healthcheck) == 0, START_S)
        check(healthy, f"{start} start: healthy after {time.monotonic() - began:.1f} s")
        status = Path(f"/proc/{container.init}/status").read_text()
        (inner,) = re.findall(r"^NSpid:.*\s(\d+)$", status, re.MULTILINE)
        (name,) = re.findall(r"^Uid:\s(\d+)", status, re.MULTILINE)
        check(inner == "1" and name != "0", f"`{' '.join(dockerfile.command)}` is process 1, as user {name}")
        if start == "first":
            url = f"http://127.0.0.1:{container.port}/readyz"
            with urllib.request.urlopen(url) as answer:
                check(answer.status == 200, "it is ready: the embedded PostgreSQL runs and is migrated")
            sent = _until(lambda: "25 of 25: 25 SENT" in container.log.read_text(), START_S)
            check(sent, "the demo campaign is sent")
        container.inside("0:0", "sh", "-c", "(sleep 3 &) ; (sleep 3 &)")
        check(_until(lambda: _orphans(container) > 0, REAP_S), "orphans come to process 1")
        check(_until(lambda: _orphans(container) + container.zombies() == 0, REAP_S), "and leave no zombie")
        began = time.monotonic()
        os.kill(container.init, signal.SIGTERM)
        code = container.process.wait(STOP_S)
        check(code == 0, f"SIGTERM ends it with {code} after {time.monotonic() - began:.1f} s")
    except BaseException:
        print(container.log.read_text())
        raise
    finally:
        container.process.kill()
        container.process.wait()


def _orphans(container: Container) -> int:
    return sum(_comm(child) == "sleep" for child in _children(container.init))


def _comm(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _until(condition: object, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.05)
    return False


def _copy_context(to: Path) -> None:
    """Copy what version control has; .dockerignore keeps out all else, and some of it."""
    names = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=SOURCE).split("\0")
    for name in filter(None, names):
        if (SOURCE / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(SOURCE / name, to / name)


def _in_root(root: Path, *command: str) -> None:
    """As a RUN line does, with this host's way to the registries."""
    for path in map(Path, REACH):
        if path.exists():
            inside = root / path.relative_to("/")
            shutil.rmtree(inside, ignore_errors=True)
            inside.parent.mkdir(parents=True, exist_ok=True)
            run("cp", "--archive", "--dereference", path, inside)
    passed = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "NODE_", "SSL_", "NPM_"))}
    env = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/root", **passed}
    run("unshare", "--fork", "--pid", "--kill-child", f"--mount-proc={root}/proc", "chroot", root, *command, env=env)


def _size_mb(root: Path) -> int:
    return int(run("du", "--summarize", "--block-size=1M", root).split()[0])


if __name__ == "__main__":
    main()
