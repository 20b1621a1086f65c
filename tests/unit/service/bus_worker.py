"""A worker that takes part in a bus, as a process of its own: it confirms, never confirms, or fails to act.

``python -m tests.unit.service.bus_worker FOLDER confirms|hangs|fails``; says ``ready``, then each message it has acted on.
"""

import asyncio
import sys
from pathlib import Path

from ugrpy.service.bus import Bus


async def main(folder: Path, habit: str) -> None:
    async def hear(message: bytes) -> None:
        if habit == "hangs":
            await asyncio.Event().wait()
        if habit == "fails":
            raise ValueError(message.decode())
        print(message.decode(), flush=True)

    bus = Bus(folder, hear)
    await bus.open()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
