"""The ``ugrpy`` command. ``main`` turns our errors into messages and exit codes; no traceback reaches a user.

Exit codes are those of sysexits.h where one fits: 0 done, 1 not found, 2 wrong usage, 75 no answer now or not all of it,
77 refused, 78 the configuration cannot be used.
"""

import sys

import typer

from ugrpy.cli import caching, endpoints, explaining, flights, inspecting, reporting, serving
from ugrpy.core.errors import ConfigError, Forbidden, NotFound, RequestError, UgrError

NOT_FOUND = 1
TRY_LATER = 75
REFUSED = 77
BAD_CONFIG = 78

app = typer.Typer(
    name="ugrpy",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="One HTTP/WebDAV namespace over many storage elements.\n\n"
    "Try [bold]ugrpy demo[/bold] first, or federate two servers without any file:\n\n"
    "[bold]ugrpy serve --listen 127.0.0.1:8080 --endpoint a=https://one.example/data "
    "--endpoint b=https://two.example/data[/bold]",
)
serving.register(app)
inspecting.register(app)
explaining.register(app)
reporting.register(app)
flights.register(app)
endpoints.register(app)
caching.register(app)


def main() -> None:
    """The console script."""
    try:
        app(prog_name="ugrpy")
    except UgrError as error:
        print(f"ugrpy: {error}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)
        sys.exit(exit_code(error))


def exit_code(error: UgrError) -> int:
    """What a script learns from the error."""
    match error:
        case ConfigError():
            return BAD_CONFIG
        case NotFound():
            return NOT_FOUND
        case Forbidden():
            return REFUSED
        case RequestError(status=status) if status < 500:
            return 2
        case _:
            return TRY_LATER
