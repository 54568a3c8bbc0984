"""Reading a small document of somebody else's from the web: as `host_policy` allows, and no more of it than we want.

Each host, of a redirect as well, is looked up once and connected to at an address that was checked. No cookies, no
proxy, no credentials of the environment; what is compressed is not unpacked.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import NamedTuple

import httpx

from app.domain.operations.host_policy import HostPolicy, Lookup, RefusedHost, look_up, resolve

MOST_BYTES = 64 * 1024
MOST_REDIRECTS = 3
TIMEOUT_S = 5.0  # for all of it, redirects included
_PORTS = {"https": 443, "http": 80}


class NotFetched(Exception):
    """There is no such document, or none that we read; the text is for people."""


class Document(NamedTuple):
    """`hosts`: all that it came by, the one asked for first. `in_the_clear`: on the way others could change it."""

    content: bytes
    hosts: list[str]
    in_the_clear: bool


async def fetch(url: str, policy: HostPolicy, tls: ssl.SSLContext, lookup: Lookup = look_up) -> Document:
    """The document at an http(s) address. Raises NotFetched."""
    hosts: list[str] = []
    in_the_clear = False
    try:
        async with (
            asyncio.timeout(TIMEOUT_S),
            httpx.AsyncClient(verify=tls, trust_env=False, follow_redirects=False, timeout=TIMEOUT_S) as client,
        ):
            at = httpx.URL(url)
            for _ in range(MOST_REDIRECTS + 1):
                in_the_clear = in_the_clear or at.scheme != "https"
                hosts.append(at.raw_host.decode("ascii").lower())
                got = await _get(client, at, policy, lookup)
                if isinstance(got, bytes):
                    return Document(got, hosts, in_the_clear)
                at = got
    except TimeoutError:
        raise NotFetched(f"no answer within {TIMEOUT_S:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise NotFetched(str(error) or type(error).__name__) from None
    raise NotFetched(f"it leads on more than {MOST_REDIRECTS} times")


async def _get(client: httpx.AsyncClient, url: httpx.URL, policy: HostPolicy, lookup: Lookup) -> bytes | httpx.URL:
    """The document, or where it leads on to. Raises NotFetched and what httpx does."""
    if url.scheme not in _PORTS or url.userinfo:
        raise NotFetched("it leads to an address that is none of the web")
    port = url.port or _PORTS[url.scheme]
    if port != _PORTS[url.scheme] and not policy.allow_private:
        raise NotFetched("it leads to an unusual port")
    host = url.raw_host.decode("ascii")
    try:
        addresses = await resolve(host, port, allow_private=policy.allow_private, lookup=lookup)
    except RefusedHost as refused:
        raise NotFetched(f"{host} {refused}") from None
    except OSError:
        raise NotFetched(f"{host} does not resolve") from None
    for address in addresses:
        request = client.build_request(
            "GET",
            url.copy_with(host=address.ip, port=address.sockaddr[1]),
            headers={"host": url.netloc.decode("ascii"), "accept-encoding": "identity", "user-agent": "ReachInbox"},
            extensions={"sni_hostname": host.removesuffix(".")},
        )
        try:
            response = await client.send(request, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            continue
        try:
            return await _read(response, url)
        finally:
            await response.aclose()
    raise NotFetched(f"cannot connect to {host}")


async def _read(response: httpx.Response, url: httpx.URL) -> bytes | httpx.URL:
    if response.is_redirect and "location" in response.headers:
        return url.join(response.headers["location"])
    if response.status_code != httpx.codes.OK.value:
        raise NotFetched(f"answered {response.status_code}")
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise NotFetched("it is compressed")
    content = b""
    async for chunk in response.aiter_raw(MOST_BYTES):
        content += chunk
        if len(content) > MOST_BYTES:
            raise NotFetched(f"it is longer than {MOST_BYTES // 1024} kB")
    return content
