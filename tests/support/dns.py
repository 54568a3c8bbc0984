"""A name server on loopback, over UDP and TCP, that says what a test has it say."""

from __future__ import annotations

import socketserver
import struct
import threading
from collections import Counter
from typing import Self

import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

_PLAIN_UDP = 512  # bytes, RFC 1035, section 4.2.1


class NameServer:
    """`records` are by name and type: `("example.com", "MX"): ["10 mail.example.com."]`; of any other name there is
    none. `failing` names answer SERVFAIL, `silent` ones nothing. `asked` counts questions.
    """

    def __init__(self, records: dict[tuple[str, str], list[str]] | None = None) -> None:
        self.records = records or {}
        self.failing: set[str] = set()
        self.silent: set[str] = set()
        self.asked: Counter[tuple[str, str]] = Counter()
        server = self

        class Udp(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                question, connection = self.request
                if answer := server._answer(question, most=_PLAIN_UDP):
                    connection.sendto(answer, self.client_address)

        class Tcp(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                length = self.rfile.read(2)
                if len(length) == 2 and (answer := server._answer(self.rfile.read(*struct.unpack("!H", length)))):
                    self.wfile.write(struct.pack("!H", len(answer)) + answer)

        class UdpServer(socketserver.ThreadingUDPServer):
            daemon_threads = True

        class TcpServer(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

        while True:  # the same port twice
            self._udp = UdpServer(("127.0.0.1", 0), Udp)
            self.port: int = self._udp.server_address[1]
            try:
                self._tcp = TcpServer(("127.0.0.1", self.port), Tcp)
            except OSError:
                self._udp.server_close()
                continue
            break
        self.address = f"127.0.0.1:{self.port}"
        self._threads = [
            threading.Thread(target=of.serve_forever, kwargs={"poll_interval": 0.01}) for of in (self._udp, self._tcp)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for server, thread in zip((self._udp, self._tcp), self._threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()

    def _answer(self, wire: bytes, most: int | None = None) -> bytes | None:
        query = dns.message.from_wire(wire)
        (question,) = query.question
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked[name, kind] += 1
        if name in self.silent:
            return None
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if name in self.failing:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif texts := self.records.get((name, kind)):
            rrset = dns.rrset.from_text_list(question.name, 60, dns.rdataclass.IN, question.rdtype, texts)
            response.answer.append(rrset)
        elif all(name != known and not known.endswith(f".{name}") for known, _ in self.records):
            response.set_rcode(dns.rcode.NXDOMAIN)
        answer = response.to_wire()
        if most is not None and len(answer) > max(most, query.payload or 0):
            cut = dns.message.make_response(query)
            cut.flags |= dns.flags.TC
            return cut.to_wire()
        return answer
