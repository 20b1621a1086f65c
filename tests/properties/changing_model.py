"""What may each name honestly be, by all that clients were told?"""

from collections.abc import Iterable

from tests.properties.changing_storages import Version
from ugrpy.namespace.paths import is_within, rebase

FOLDERS = ("/d", "/e", "/m")
FILES = ("/d/a", "/d/b", "/e/a", "/m/a", "/m/b")


class Model:
    """What each name may honestly be, and what must not get lost."""

    def __init__(self) -> None:
        self.may: dict[str, set[Version]] = {path: {None} for path in FILES}
        self.stray: dict[str, set[int]] = {path: set() for path in FILES}
        """Versions that stand or may stand where the gateway cannot know of them."""
        self.owed: dict[int, set[str]] = {}

    def below(self, path: str) -> list[str]:
        """The files that a change of this name changes."""
        return [file for file in FILES if is_within(file, path)]

    def is_only(self, path: str, version: Version) -> None:
        """It was acknowledged that the name is this."""
        self.forgive(path)
        self.may[path] = {version}
        if version is not None:
            self.owed[version] = {path}

    def forgive(self, path: str) -> None:
        """The versions at this name are no longer owed to anybody, since a client wanted something else there."""
        for version in [one for one, paths in self.owed.items() if path in paths]:
            del self.owed[version]

    def may_go(self, path: str) -> None:
        self.forgive(path)
        self.may[path] |= {None}

    def stayed(self, path: str, versions: Iterable[int]) -> None:
        """These are still where nobody could be told to move them."""
        for version in versions:
            if version in self.owed:
                self.owed[version].add(path)

    def deleted(self, path: str, *, surely: bool) -> None:
        for file in self.below(path):
            self.forgive(file)
            self.may[file] = {None} if surely else self.may[file] | {None}

    def moved(self, source: str, target: str, *, surely: bool, copied: bool) -> None:
        """Or copied; ``surely``: it was acknowledged."""
        came = {rebase(file, source, target): set(self.may[file]) for file in self.below(source)}
        # what may stand at the target already may be replaced by something else
        owed = {
            version: {rebase(p, source, target) if is_within(p, source) else p for p in paths}
            for version, paths in self.owed.items()
            if any(is_within(path, source) for path in paths)
            and not any(is_within(path, target) for path in paths)
        }
        strays = {rebase(f, source, target): set(self.stray[f]) for f in self.below(source)}
        for file in self.below(target):
            self.forgive(file)
            new = came.get(file, {None})
            self.may[file] = new if surely else self.may[file] | new
            self.stray[file] |= strays.get(file, set())
        for version, paths in owed.items():
            self.owed[version] = (
                paths if surely and not copied else self.owed.get(version, set()) | paths
            )
        if not copied:
            for file in self.below(source):
                self.may[file] = {None} if surely else self.may[file] | {None}
