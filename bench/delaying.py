"""`python -m bench.delaying FROM TO SECONDS ONCE`: what comes to one local port goes on, each way so much later.

The first answer takes `ONCE` seconds more, as of a server that checks logins.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress


async def _pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float, once_s: float = 0
) -> None:
    loop = asyncio.get_running_loop()
    due: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def write() -> None:
        await asyncio.sleep(once_s)
        while (item := await due.get())[1]:
            await asyncio.sleep(item[0] - loop.time())
            writer.write(item[1])
        writer.close()

    writing = asyncio.create_task(write())
    with suppress(ConnectionError):
        while data := await reader.read(65_536):
            due.put_nowait((loop.time() + delay_s, data))
    due.put_nowait((0, b""))
    await writing


async def _serve(at: int, to: int, delay_s: float, once_s: float) -> None:
    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            there = await asyncio.open_connection("127.0.0.1", to)
            await asyncio.gather(_pass_on(reader, there[1], delay_s), _pass_on(there[0], writer, delay_s, once_s))

    async with await asyncio.start_server(meet, "127.0.0.1", at) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])))
