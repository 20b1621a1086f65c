"""How is an administrator told that a cache fails? By a letter through the machine's own mail server, once a day at most (``health``)."""

import smtplib
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Annotated

from pydantic import Field

_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class MailPolicy:
    """Letters to the administrator of the cache."""

    to: Annotated[
        str,
        Field(
            pattern=r"^[^\s,;<>]*$",
            description='address that is written to when the cache fails its test; "" for none',
        ),
    ] = "root@localhost"
    sender: Annotated[
        str,
        Field(pattern=r"^[^\s,;<>]*$", description='whom it is from; "" for shoalpy at this host'),
    ] = ""
    host: Annotated[str, Field(min_length=1, description="mail server")] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535, description="its port")] = 25


def compose(policy: MailPolicy, *, hostname: str, what: str, why: str) -> EmailMessage:
    """The letter. ``what`` is the cache, ``why`` what was wrong with it."""
    letter = EmailMessage()
    letter["Subject"] = f"The cache on {hostname} does not work"
    letter["From"] = policy.sender or f"shoalpy@{hostname}"
    letter["To"] = policy.to
    letter.set_content(
        f"{what} on {hostname} failed its test:\n\n  {why}\n\n"
        "Nobody is told of it until it passes one. It is tested again by itself, and there is no other letter for a day.\n"
    )
    return letter


def send(policy: MailPolicy, letter: EmailMessage) -> None:
    """Hand it over; this waits, and belongs into a thread. Raises ``OSError``, which all errors of ``smtplib`` are."""
    with smtplib.SMTP(policy.host, policy.port, timeout=_TIMEOUT_S) as server:
        server.send_message(letter)
