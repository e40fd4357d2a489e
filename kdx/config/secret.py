"""Secrets by reference. A reference is kept and printed; the secret itself is read at the moment of use, never kept."""

import os
from dataclasses import dataclass
from pathlib import Path

from kdx.errors import ConfigurationError
from kdx.language import N_, _

KINDS = ("env", "file", "keyring")


class SecretUnreadable(ConfigurationError):
    """A secret that is referred to cannot be read."""

    message = N_("The secret {reference} cannot be read: {why}.")
    advice = N_("Set the variable, or write the secret into that file with mode 600.")


class SecretLiteral(ConfigurationError):
    """A secret stands in the configuration itself."""

    message = N_("A secret must not stand in the configuration (it starts with {start}…).")
    advice = N_("Write env:NAME, file:PATH or keyring:NAME instead, and change the secret: it may have been copied.")


@dataclass(frozen=True, slots=True)
class SecretReference:
    """Where a secret is found: kind is env, file or keyring."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"

    def read(self) -> str:
        """Return the secret, without a trailing newline. SecretUnreadable says why it cannot be had."""
        try:
            if self.kind == "env":
                return os.environ[self.name]
            if self.kind == "file":
                return Path(self.name).expanduser().read_text("utf-8").rstrip("\r\n")
            import keyring  # optional; only whoever refers to it needs it

            found = keyring.get_password("kdx", self.name)
        except (OSError, KeyError, ImportError, UnicodeDecodeError) as error:
            raise SecretUnreadable(reference=self, why=type(error).__name__) from error
        if found is None:
            raise SecretUnreadable(reference=self, why=_("the keyring holds no such entry"))
        return str(found)


def parse_reference(text: str) -> SecretReference:
    """Given env:NAME, file:PATH or keyring:NAME, return the reference. A literal secret is refused."""
    kind, colon, name = text.partition(":")
    if kind not in KINDS or not colon or not name:
        raise SecretLiteral(start=text[:2])
    return SecretReference(kind, name)
