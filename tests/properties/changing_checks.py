"""Is all that clients are told of the names true or honest, at every moment and in the end?"""

import asyncio

from tests.properties.changing_model import FILES, FOLDERS
from tests.properties.changing_stage import SETTLED_S, Stage
from tests.properties.changing_storages import Mood, Version, size_of
from tests.unit.federation.world import VICTORIA_CLIENT
from ugrpy.core.errors import NotFound, RequestError, Unavailable
from ugrpy.federation import KnownListing, KnownName
from ugrpy.journal.base import Recorded
from ugrpy.namespace.fanout import Want
from ugrpy.namespace.merge import Merged
from ugrpy.namespace.model import EndpointId, Found, Kind
from ugrpy.namespace.paths import join


class WatchedStage(Stage):
    """A stage whose clients compare what they are told with what they were told before."""

    def close(self) -> None:
        """Let everything come to its end, and look once more."""
        try:
            self.runner.run(self._settled())
        finally:
            self.patches.close()
            self.runner.close()

    async def _settled(self) -> None:
        """After all faults are gone and enough time has passed, everything has come to its end."""
        for name, storage in self.storages.items():
            storage.become(Mood.WELL)
            if name in self.drained:
                self.world.enable(name)
        self.drained.clear()
        await asyncio.sleep(SETTLED_S)
        written = await self.journal.load()
        assert written == Recorded(), written
        assert len(self.changing.ground.overlay) == 0
        for path in FILES:
            await self._check(path, excused=False)
        for path in FOLDERS:
            await self._check_folder(path, excused=False)
        self._check_owed()
        await self.bury()

    async def check_all(self) -> None:
        self._check_owed()
        for path in FILES:
            await self._check(path, excused=True)
        for path in FOLDERS:
            await self._check_folder(path, excused=True)
            await self._check_listing(path)

    def _check_owed(self) -> None:
        for version, paths in self.model.owed.items():
            there = [
                (name, path)
                for name, storage in self.storages.items()
                for path in paths
                if storage.version(path) == version
            ]
            assert there, f"version {version} of {paths} is lost"

    def _honest(self, path: str) -> set[Version]:
        """What the name may be now: a stray copy as long as it is somewhere."""
        there = {storage.version(path) for storage in self.storages.values()}
        return self.model.may[path] | (self.model.stray[path] & there)

    async def _check(self, path: str, *, excused: bool) -> None:
        in_flux = bool(await self.journal.operations())
        known, _ = await self.world.locate(path, Want.ALL)
        in_flux = in_flux or bool(await self.journal.operations())
        blurred = self.blurred_until_s.get(path, 0.0) > self.now_s
        match self._offered(known):
            case NotFound() as error:
                told = blurred or None in self._honest(path) or self._hidden_by(error, path)
                assert told, f"{path} is 404"
            case RequestError() as error:
                upload = self.changing.ground.overlay.upload(path)
                told = isinstance(error, Unavailable) and bool(upload or self.troubled())
                assert excused, f"{path}: {error}"
                assert told, f"{path}: {error}"
            case order:
                self._check_offer(path, known, order, blurred=blurred, in_flux=in_flux)

    def _offered(self, known: KnownName) -> "tuple[EndpointId, ...] | RequestError":
        try:
            return self.world.federation.order(known, self.world.zone(VICTORIA_CLIENT))
        except RequestError as error:
            return error

    def _check_offer(
        self,
        path: str,
        known: KnownName,
        order: tuple[EndpointId, ...],
        *,
        blurred: bool,
        in_flux: bool,
    ) -> None:
        """``blurred``: what is remembered of it is wrong; ``in_flux``: what a dead process began is being completed at this moment."""
        assert known.merged is not None
        assert known.merged.entry.kind is Kind.FILE
        said = [known.knowledge[name].observation for name in order]
        sizes = {one.entry.size_bytes for one in said if isinstance(one, Found)}
        assert len(sizes) == 1, f"{path} is offered in sizes {sizes}"
        offered = {self.storages[name].version(path) for name in order}
        if in_flux:
            offered.discard(None)
        if not blurred:
            assert in_flux or len(offered) == 1, f"{path} is offered as {offered}"
            assert offered <= self._honest(path), f"{path} is {offered} at {order}"

    def _hidden_by(self, error: NotFound, path: str) -> bool:
        """Whether only storages that are named as missing have it, and were never seen to by this process (the absence rule)."""
        may = self.model.may[path]
        holders = {name for name, one in self.storages.items() if one.version(path) in may}
        return bool(holders) and holders <= set(error.missing)

    async def _check_folder(self, path: str, *, excused: bool) -> None:
        known, _ = await self.world.locate(path, Want.ANY, None)
        may = self.folders[path]
        match self._merged(known):
            case NotFound() as error:
                assert False in may or error.missing, f"{path} is 404"
            case RequestError() as error:
                assert excused, f"{path}: {error}"
                assert self.troubled(), f"{path}: {error}"
            case merged:
                assert merged.entry.kind is Kind.COLLECTION
                strays = any(self.model.stray[file] for file in self.model.below(path))
                assert True in may or strays, f"{path} is there"

    def _merged(self, known: KnownName) -> "Merged | RequestError":
        try:
            return self.world.federation.expect(known)
        except RequestError as error:
            return error

    async def _check_listing(self, path: str) -> None:
        match await self._listed(path):
            case RequestError() as error:
                told = error.status == 404 or self.troubled()
                assert told, f"{path}/: {error}"
            case listing:
                told_of = {join(path, child.entry.name): child for child in listing.children}
                for file in self.model.below(path):
                    if self.blurred_until_s.get(file, 0.0) <= self.now_s:
                        self._check_listed(file, told_of.get(file), complete=not listing.missing)

    async def _listed(self, path: str) -> "KnownListing | RequestError":
        try:
            return await self.world.federation.list(path)
        except RequestError as error:
            return error

    def _check_listed(self, file: str, child: Merged | None, *, complete: bool) -> None:
        honest = self._honest(file)
        upload = self.changing.ground.overlay.upload(file)
        if child is None:
            assert None in honest or not complete or upload, f"{file} is not listed"
            return
        if upload is not None and not complete:
            return  # by its old copies, since the target cannot be asked
        sizes = {size_of(version) for version in honest if version is not None}
        assert child.entry.size_bytes in sizes, f"{file} is listed with {child}"
