"""The API in granian inside one process, which can be killed as often as one likes: `<port>`"""

from __future__ import annotations

import asyncio
import sys

from granian.constants import Interfaces
from granian.server.embed import Server

from tests.faults.prepared import application


async def serve(port: int) -> None:
    await Server(application, interface=Interfaces.ASGI, address="127.0.0.1", port=port).serve()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
