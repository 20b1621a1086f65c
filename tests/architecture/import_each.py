"""Imports each module named on standard input in a process of its own, and tells what happened as JSON.

A fresh interpreter for each would spend most of its time on the same libraries, so this one imports the libraries
named as arguments, none of our modules, and forks for every module. Output: ``{module: {"error": ..., "loaded": [...]}}``,
where ``loaded`` are the modules of ours that came along.
"""

import gc
import importlib
import json
import os
import signal
import sys
import traceback
from contextlib import suppress

_LIMIT_S = 30


def import_in_child(module: str, packages: set[str]) -> dict[str, object]:
    """Fork, import, and read what the child says."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(_LIMIT_S)
        os.write(write_end, json.dumps(_outcome(module, packages)).encode())
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    if not said:
        return {"error": f"the import ended the process (status {status})", "loaded": []}
    outcome: dict[str, object] = json.loads(said)
    return outcome


def _outcome(module: str, packages: set[str]) -> dict[str, object]:
    error = ""
    try:
        importlib.import_module(module)
    except BaseException:  # noqa: BLE001  SystemExit counts: a module must not run because it is imported
        error = traceback.format_exc(limit=-3)
    loaded = sorted(name for name in sys.modules if name.partition(".")[0] in packages)
    return {"error": error, "loaded": loaded}


def main() -> None:
    """The script."""
    modules = sys.stdin.read().split()
    for library in sys.argv[1:]:
        with suppress(ImportError):
            importlib.import_module(library)
    gc.disable()  # a child ends before garbage matters, and would copy what it walks over
    packages = {module.partition(".")[0] for module in modules}
    print(json.dumps({module: import_in_child(module, packages) for module in modules}))


if __name__ == "__main__":
    main()
