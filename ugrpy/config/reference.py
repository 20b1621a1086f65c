"""The reference page of the gateway's configuration: ``python -m ugrpy.config.reference``."""

from ugrpy.config.loading import SCHEMA
from ugrpy.health.policy import HealthPolicy
from ugrpy.locality.model import Position
from ugrpy.namespace.paths import Mount
from ugrpy.settings import reference


def _mount(mount: Mount) -> str:
    return mount.prefix if mount.target == "/" else f"{mount.prefix} = {mount.target}"


PAGE = reference.Page(
    module="ugrpy.config.reference",
    example=("cache.ttl_s", "60"),
    words={Position: "[latitude, longitude]", Mount: "mount", HealthPolicy: "table"},
    written={Mount: _mount},
    more="Without any file, endpoints come from the command line.",
)


def render_reference() -> str:
    """The page, as Markdown."""
    return reference.render_reference(SCHEMA, PAGE)


if __name__ == "__main__":
    print(render_reference(), end="")  # noqa: T201 - the page is this command's output
