"""What weights does a client give to the members of a list such as ``Accept``? (RFC 9110 section 12.4.2)"""

import re

_WEIGHT = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


def weights(header: str) -> dict[str, float]:
    """The members, in lower case and without parameters, with their weights, the largest of repeated ones.

    A weight that cannot be read is 0."""
    found: dict[str, float] = {}
    for member in header.lower().split(","):
        name, _, parameters = member.partition(";")
        name = name.strip()
        found[name] = max(_weight(parameters), found.get(name, 0.0))
    return found


def _weight(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, separator, value = parameter.partition("=")
        if separator and name.strip() == "q":
            written = value.strip()
            return float(written) if _WEIGHT.fullmatch(written) else 0.0
    return 1.0
