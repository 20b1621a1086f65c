"""Where does a worker record what it decides, and under which rules?"""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from ugrpy.config import Configuration, EndpointSettings
from ugrpy.core.meter import Meter
from ugrpy.federation import Federation
from ugrpy.locality.model import Place
from ugrpy.recording import Recorder, RecordingPlace, Ruled, Rules
from ugrpy.wiring.changes import state_folder, takes_changes

FOLDER = "flights"


def recorded_in(config: Configuration, environ: Mapping[str, str] = os.environ) -> Path | None:
    """The folder of the ring; ``None`` for a gateway that has no folder of its own, and so records nothing."""
    if config.recording.folder is not None:
        return config.recording.folder
    if (
        takes_changes(config)
        or config.changes.state_dir is not None
        or environ.get("STATE_DIRECTORY")
    ):
        return state_folder(config, environ) / FOLDER
    return None


def rules_of(config: Configuration, places: Mapping[str, Place]) -> Rules:
    """What ranking takes from the configuration, the endpoints being at these places."""
    locality = config.locality
    return Rules(
        tuple(_ruled(one, places[one.name]) for one in config.endpoints),
        locality.rules,
        locality.networks,
        locality.fuzz_km,
        tuple(path.name for path in locality.geoip),
    )


def _ruled(one: EndpointSettings, place: Place) -> Ruled:
    mounts = tuple(mount.prefix for mount in one.mounts)
    return Ruled(one.name, place, one.weight, mounts, one.readable, one.writable, one.url)


@asynccontextmanager
async def recording(
    config: Configuration, federation: Federation, meter: Meter, worker: int
) -> AsyncIterator[Recorder | None]:
    """This worker's recorder, ``None`` when nothing is to be recorded. What has gathered is written down in the end."""
    folder = recorded_in(config)
    if folder is None or not config.recording.is_on:
        yield None
        return
    places = {name: one.place for name, one in federation.ranker.candidates.items()}
    recorder = Recorder(
        federation,
        rules_of(config, places),
        config.recording,
        RecordingPlace(folder, worker, config.service.workers),
        meter,
    )
    await recorder.begin()
    try:
        yield recorder
    finally:
        await recorder.close()
