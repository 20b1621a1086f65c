"""How are bytes moved between a storage element here and a server elsewhere (third-party copy)?

Best by the storage element itself, to which the client is sent (``deciding``); otherwise through this process (``streaming``) or by a
script of the operator's (``scripts``). Which servers take part in that is the operator's to say (``partners``).
"""

from ugrpy.copying.core import Copier
from ugrpy.copying.job import Job, Redirected, Relayed
from ugrpy.copying.settings import CopySettings

__all__ = ["Copier", "CopySettings", "Job", "Redirected", "Relayed"]
