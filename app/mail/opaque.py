"""Names of emails for the world, which tell nobody but us which one: Message-IDs, and the tokens of links.

An email is named by its workspace and its id, which count up: a reader could count a customer's mail. So they are
encrypted, as one block of AES with a key that never changes; ids of the same email are always the same, and what
somebody makes up is told from ours by zeros in it. Nothing is looked up: an id leads to its email by itself.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection
from datetime import datetime
from hashlib import blake2b, sha256
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from app.mail.addresses import key

DIGEST_BYTES = 16
_WORKSPACE, _EMAIL, _CHECK = 5, 6, 5  # bytes of the block
_MAC_BYTES = 12
# The last of 59 characters is a letter or a digit: what finds links in a text does not take it for punctuation. Two of
# its six bits say nothing, and are zero: a token is written in one way alone.
# With what some mail programs take for a part of a link that stands in a sentence, or between signs for emphasis.
_TOKEN = re.compile(r"([A-Za-z0-9_-]{58}[AEIMQUYcgkosw048])[.,;:!?)\]>'\"*_\s]{0,3}")
_MESSAGE_ID = re.compile(r"\s*<?([0-9a-fA-F]{32})@[^\s<>@]+>?\s*")
_OLD_MESSAGE_ID = re.compile(r"\s*<?(\d{1,18})\.(\d{1,18})\.reachinbox@[^\s<>@]+>?\s*", re.IGNORECASE)


class Keys(NamedTuple):
    """Of an installation, made once; for no log, so they show nothing of themselves."""

    message: bytes
    link: bytes
    address: bytes

    def __repr__(self) -> str:
        return "Keys(…)"


class EmailName(NamedTuple):
    """The email that an opaque name stands for."""

    workspace_id: int
    email_id: int


class OldName(NamedTuple):
    """The email that a Message-ID from before they were encrypted names; anybody can write one."""

    email_id: int
    campaign_id: int

    @staticmethod
    def is_believed(tried_at: datetime | None, opaque_since: datetime, recipient: str, named: Collection[str]) -> bool:
        """Whether it may be the email to `recipient` that was first tried then: only if that was before the upgrade,
        and the message that has the id comes from its recipient, or names them.
        """
        return (
            tried_at is not None and tried_at < opaque_since and key(recipient) in {key(address) for address in named}
        )


class _Block:
    """Encrypts names of emails, 16 bytes each."""

    def __init__(self, secret: bytes) -> None:
        cipher = Cipher(AES(secret), ECB())  # noqa: S305 -- one block, of which no two are alike
        self._encrypt, self._decrypt = cipher.encryptor().update, cipher.decryptor().update

    def seal(self, workspace_id: int, email_id: int) -> bytes:
        return self._encrypt(workspace_id.to_bytes(_WORKSPACE) + email_id.to_bytes(_EMAIL) + bytes(_CHECK))

    def open(self, sealed: bytes) -> EmailName | None:
        plain = self._decrypt(sealed)
        if any(plain[-_CHECK:]):
            return None
        return EmailName(int.from_bytes(plain[:_WORKSPACE]), int.from_bytes(plain[_WORKSPACE:-_CHECK]))


class MessageIds:
    """Gives emails their Message-IDs (RFC 5322, section 3.6.4) and knows them again."""

    def __init__(self, message_key: bytes) -> None:
        self._block = _Block(message_key)

    def of(self, workspace_id: int, email_id: int, domain: str) -> str:
        """The same for every attempt; in hexadecimal, since some servers change the case of letters."""
        return f"<{self._block.seal(workspace_id, email_id).hex()}@{domain}>"

    def whose(self, message_id: str) -> EmailName | OldName | None:
        """The email that a message's id, or one that it refers to, names; None: no id of ours. Its domain may be any: a
        sender may have had another.
        """
        if found := _MESSAGE_ID.fullmatch(message_id):
            return self._block.open(bytes.fromhex(found[1]))
        old = _OLD_MESSAGE_ID.fullmatch(message_id)
        return old and OldName(int(old[1]), int(old[2]))


class Linked(NamedTuple):
    """The content of a link's token. `digest`: the address as `installation` knows it again, also once the email is
    removed or erased.
    """

    workspace_id: int
    email_id: int
    digest: bytes


class Links:
    """Makes the links in emails, and reads their tokens."""

    def __init__(self, base_url: str, keys: Keys) -> None:
        self._page = f"{base_url}/u/"
        # BLAKE2's own MAC takes a fourth of the time of HMAC. For this purpose alone: what else is ever linked to has
        # another name here.
        self._keyed = blake2b(digest_size=_MAC_BYTES, key=keys.link, person=b"unsubscribe")
        self._block = _Block(hmac.digest(keys.link, b"names of emails", "sha256"))
        self._address_key = keys.address

    def unsubscribe(self, workspace_id: int, email_id: int, recipient: str) -> str:
        """The link by which the recipient of an email says that they want no more."""
        return self._page + self.token(workspace_id, email_id, recipient)

    def token(self, workspace_id: int, email_id: int, recipient: str) -> str:
        named = self._block.seal(workspace_id, email_id) + digest(self._address_key, recipient)
        return urlsafe_b64encode(named + self._mac(named)).rstrip(b"=").decode()

    def read(self, token: str) -> Linked | None:
        """None: it is none of ours."""
        found = _TOKEN.fullmatch(token)
        if found is None:
            return None
        raw = urlsafe_b64decode(found[1] + "=")
        named, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        if not hmac.compare_digest(self._mac(named), mac):
            return None
        name = self._block.open(named[:-DIGEST_BYTES])
        return name and Linked(*name, named[-DIGEST_BYTES:])

    def _mac(self, named: bytes) -> bytes:
        mac = self._keyed.copy()
        mac.update(named)
        return mac.digest()


def digest(address_key: bytes, address: str) -> bytes:
    """By which an address is known again when its text is gone, as `address_digest` in the database has it."""
    return sha256(address_key + key(address).encode()).digest()[:DIGEST_BYTES]
