"""Write the digest of each image into the files that name it: `python:3.14.8-slim-trixie` gets an `@sha256:…`.

For whoever builds: from then on nobody who moves a tag changes what is built. Run it again for new digests; a name
without one works, too. Needs the standard library alone, and reaches the images' registry.

    python3 deploy/pin_images.py            writes
    python3 deploy/pin_images.py --check    writes nothing; ends with 1 if an image has no digest, or another one
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import urllib.error
import urllib.request
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

ROOT = Path(__file__).parents[1]
FILES = ("Dockerfile", "deploy/pgbouncer/Dockerfile", "compose.yaml")
REGISTRY = "https://registry-1.docker.io"
# Of all architectures, where there is such a list: each machine then takes its own from it.
TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
# ARG NAME=image, FROM image, image: image; not the name of a stage or a variable, nor what is built here (`:local`).
NAMED = re.compile(
    r"^(?P<before>ARG \w+=|FROM |\s+image: )(?P<name>[\w./-]+):(?P<tag>(?!local\b)[\w.-]+)(?:@sha256:\w{64})?",
    re.MULTILINE,
)


class Unknown(Exception):
    """The registry does not tell; the message says what it said."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 if something is to be written")
    parser.add_argument("--registry", default=REGISTRY, help="another one, such as a mirror")
    options = parser.parse_args()
    changed: dict[str, str] = {}
    for name in FILES:
        before = (ROOT / name).read_text()
        try:
            after = NAMED.sub(lambda found: pinned(options.registry, found), before)
        except (Unknown, OSError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 2
        if after != before:
            changed[name] = after
            for line in sorted(set(after.splitlines()) - set(before.splitlines())):
                print(f"{name}: {line.strip()}")
    if not options.check:
        for name, text in changed.items():
            (ROOT / name).write_text(text)
    return int(options.check and bool(changed))


def pinned(registry: str, found: re.Match[str]) -> str:
    name, tag = found["name"], found["tag"]
    return f"{found['before']}{name}:{tag}@{digest_of(registry, name if '/' in name else f'library/{name}', tag)}"


@cache
def digest_of(registry: str, name: str, tag: str) -> str:
    """As the manifest itself says: its bytes are hashed here, and what the registry says of them has to agree.

    Raises Unknown, OSError.
    """
    request = urllib.request.Request(  # noqa: S310 -- https, or what was asked for
        f"{registry}/v2/{name}/manifests/{tag}", headers={"Accept": ", ".join(TYPES)}
    )
    try:
        answer = urllib.request.urlopen(request, timeout=30)  # noqa: S310
    except urllib.error.HTTPError as error:
        if error.code != 401:
            raise Unknown(f"{name}:{tag}: the registry answered {error.code}") from None
        request.add_header("Authorization", f"Bearer {token(error.headers['WWW-Authenticate'] or '')}")
        try:
            answer = urllib.request.urlopen(request, timeout=30)  # noqa: S310
        except urllib.error.HTTPError as again:
            raise Unknown(f"{name}:{tag}: the registry answered {again.code}") from None
    with answer:
        digest = f"sha256:{hashlib.sha256(answer.read()).hexdigest()}"
        if answer.headers.get("Docker-Content-Digest", digest) != digest:
            raise Unknown(f"{name}:{tag}: the registry sent another manifest than it says")
    return digest


def token(challenge: str) -> str:
    """A token to read with: the registry names who gives it (RFC 6750, section 3). Raises Unknown, OSError."""
    said = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    if "realm" not in said:
        raise Unknown("the registry asks for a login and does not say where")
    query = urlencode({name: said[name] for name in ("service", "scope") if name in said})
    with urllib.request.urlopen(f"{said['realm']}?{query}", timeout=30) as answer:  # noqa: S310
        given = json.load(answer)
    return given.get("token") or given["access_token"]


if __name__ == "__main__":
    sys.exit(main())
