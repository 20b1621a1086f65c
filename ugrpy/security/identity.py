"""Who is asking, and who belongs to whom?"""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address


@dataclass(frozen=True, slots=True)
class Identity:
    """The one a request is answered for.

    ``name`` is what logs and rules call them (a certificate's subject, a token's subject), empty for nobody
    in particular. ``groups`` are the memberships a trusted authority vouches for: VOMS FQANs such as
    ``/atlas/Role=production``, token groups. ``address`` is where the client is, ``None`` when that is not known.
    """

    name: str = ""
    groups: tuple[str, ...] = ()
    address: IPv4Address | IPv6Address | None = None

    @property
    def anonymous(self) -> bool:
        """Nobody in particular: no credential was shown, or none that counts."""
        return not self.name


ANONYMOUS = Identity()


class Audience(StrEnum):
    """Who may see something."""

    PUBLIC = "public"
    AUTHENTICATED = "authenticated"
    ADMIN = "admin"

    def includes(self, identity: Identity) -> bool:
        """Whether the clients' listener shows it to this one; administrators have a listener of their own."""
        match self:
            case Audience.PUBLIC:
                return True
            case Audience.AUTHENTICATED:
                return not identity.anonymous
            case Audience.ADMIN:
                return False
