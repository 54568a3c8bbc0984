"""Telling webhooks: one signed POST for each event (Standard Webhooks), to an address that was checked.

As with senders' servers, the host is looked up once for a run, every address of it is checked, and the connection goes
to the address with TLS verified for the name. Redirects are not followed, and of an answer only the status and its
first bytes are kept: a webhook is no way to read what the receiver's network holds.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from datetime import UTC, datetime
from functools import cached_property
from uuid import uuid4

import httpx
import msgspec
import structlog
from standardwebhooks import Webhook as Signer

from app.db import DATABASE_AWAY, Pool
from app.domain.operations.host_policy import HostPolicy, Lookup, RefusedHost, look_up, resolve
from app.domain.webhooks import deliveries
from app.domain.webhooks.deliveries import Answer, Due, Target
from app.domain.webhooks.webhooks import secret_place
from app.plain_errors import plain
from app.secrets import SecretBox, UndecipherableSecret

TIMEOUT_S = 10.0  # one try, all of it
QUANTUM_S = 5.0  # then it is others' turn
BODY_READ = 4096  # of an answer; what is longer costs the connection
BODY_SHOWN = 200

log = structlog.get_logger()
_encode = msgspec.json.Encoder().encode


class Courier:
    """Delivers what is due to webhooks, one run for each wake-up."""

    def __init__(self, pool: Pool, box: SecretBox, policy: HostPolicy, lookup: Lookup = look_up) -> None:
        self._pool = pool
        self._box = box
        self._policy = policy
        self._lookup = lookup
        self._tls: ssl.SSLContext | None = None
        self._stopping = False

    def stop(self) -> None:
        """Begin no other try."""
        self._stopping = True

    async def deliver(self, webhook_id: int) -> None:
        """Deliver what is due to this webhook, until a try fails or others' turn comes. The sweep finds
        what this run leaves unsent.
        """
        try:
            target = await deliveries.lease(self._pool, webhook_id, uuid4())
            if target is None:
                return
            # A run that fails inside has recorded nothing: whoever were woken at once would fail as soon.
            came_through = False
            try:
                await self._run(target)
                came_through = True
            finally:
                await deliveries.release(self._pool, target, wakes=came_through)
        except DATABASE_AWAY as error:
            log.warning("webhook left, will be looked at again", error=str(error).strip())

    async def _run(self, target: Target) -> None:
        began = time.monotonic()
        # No proxy and no .netrc of the environment: the connection goes where it was checked to go.
        async with httpx.AsyncClient(
            verify=await self._trust(), trust_env=False, follow_redirects=False, timeout=TIMEOUT_S
        ) as client:
            line = _Line(client, target.url, self._policy, self._lookup)
            while batch := await deliveries.due(self._pool, target):
                for told in batch:
                    if self._stopping or time.monotonic() - began > QUANTUM_S:
                        return
                    answer = await self._tell(line, target, told)
                    goes_on = await deliveries.record(self._pool, target, told, answer)
                    if answer.error is not None:
                        log.warning(
                            "webhook not delivered",
                            delivery_id=told.id,
                            status_code=answer.status_code,
                        )
                    if not goes_on:
                        return

    async def _tell(self, line: _Line, target: Target, told: Due) -> Answer:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await line.post(*self._signed(target, told))
        except UndecipherableSecret as error:
            return Answer(None, str(error))
        except TimeoutError:
            return Answer(None, f"no answer within {TIMEOUT_S:g} s")
        except Exception as error:  # a try that left no record would be made again at once, for ever
            log.exception("a try to deliver failed inside", webhook_id=target.webhook_id)
            return Answer(None, f"internal error ({type(error).__name__})")

    def _signed(self, target: Target, told: Due) -> tuple[bytes, dict[str, str]]:
        """Body and headers. Raises UndecipherableSecret."""
        signer = Signer(self._box.open(target.secret_encrypted, secret_place(target.webhook_id)))
        body = _encode({"type": told.event, "timestamp": told.created_at, "data": told.data})
        now = datetime.now(UTC)
        return body, {
            "content-type": "application/json",
            "accept-encoding": "identity",
            "user-agent": "ReachInbox",
            "webhook-id": told.message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signer.sign(told.message_id, now, body.decode()),
        }

    async def _trust(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = await asyncio.to_thread(ssl.create_default_context)
        return self._tls


class _Line:
    """The way to one webhook's receiver: its addresses, looked up at the first try, and a connection that is kept."""

    def __init__(self, client: httpx.AsyncClient, url: str, policy: HostPolicy, lookup: Lookup) -> None:
        self._client = client
        self._given = url
        self._policy = policy
        self._lookup = lookup
        self._ips: list[str] = []

    @cached_property
    def _url(self) -> httpx.URL:
        """Raises InvalidURL."""
        return httpx.URL(self._given)

    @property
    def _host(self) -> str:
        return self._url.raw_host.decode("ascii")  # .host would be decoded from Punycode

    async def post(self, body: bytes, headers: dict[str, str]) -> Answer:
        """One try, over all addresses until one can be connected to."""
        try:
            url = self._url
        except httpx.InvalidURL as error:  # taken by a version that did not ask httpx
            return Answer(None, f"the webhook's URL is none: {error}")
        if url.scheme != "https" and not self._policy.allow_private:  # the setting may have changed since
            return Answer(None, "is not sent in the clear; give the webhook an https:// address")
        try:
            if not self._ips:
                port = url.port or (443 if url.scheme == "https" else 80)
                found = await resolve(self._host, port, allow_private=self._policy.allow_private, lookup=self._lookup)
                self._ips = [address.ip for address in found]
        except RefusedHost as refused:
            return Answer(None, f"{self._host} {refused}")
        except (OSError, UnicodeError):  # the latter: a name that IDNA does not know
            return Answer(None, f"the host name {self._host} does not resolve")
        answer = Answer(None, f"{self._host} has no address")
        for ip in self._ips:
            try:
                return await self._post_to(ip, body, headers)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                answer = Answer(None, f"cannot connect to {self._host}: {_words(error)}")
            except httpx.HTTPError as error:
                return Answer(None, f"no answer from {self._host}: {_words(error)}")
        return answer

    async def _post_to(self, ip: str, body: bytes, headers: dict[str, str]) -> Answer:
        request = self._client.build_request(
            "POST",
            self._url.copy_with(host=ip),
            content=body,
            headers=headers | {"host": self._url.netloc.decode("ascii")},
            extensions={"sni_hostname": self._host.removesuffix(".")},
        )
        response = await self._client.send(request, stream=True)
        try:
            beginning = b""
            async for chunk in response.aiter_raw(BODY_READ):
                beginning += chunk
                if len(beginning) >= BODY_READ:
                    break
        finally:
            await response.aclose()
        if response.is_success:
            return Answer(response.status_code, None)
        return Answer(response.status_code, _refusal(response, beginning))


def _refusal(response: httpx.Response, beginning: bytes) -> str:
    why = f"answered {response.status_code}"
    if response.is_redirect:
        return f"{why}; redirects are not followed"
    said = " ".join("".join(c if c.isprintable() else " " for c in beginning.decode(errors="replace")).split())
    return f"{why}: {said[:BODY_SHOWN]}" if said else why


def _words(error: httpx.HTTPError) -> str:
    return plain(error).strip() or type(error).__name__
