"""What does the ``shoalpy`` command say while there is nothing behind it yet?"""

from ugrpy.service.shell import make_shell

NOTICE = """\
shoalpy is the part that will be the registry of HTTP caches: agents report their squids, and
clients ask which one is nearest and works, through REST, WPAD/PAC and the CVMFS Geo-API. It
will replace shoal's server, agent and client, WLCG WPAD and the CVMFS Geo-API.

This release carries only the shell of the command: nothing is served and nothing is changed.
Until it carries more, keep your shoal server."""

main = make_shell("shoalpy", NOTICE)
