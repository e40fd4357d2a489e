"""Why something is as it is, as a sentence with values: decided here, translated when shown."""

from dataclasses import dataclass

from kdx.language import translate


@dataclass(frozen=True, slots=True)
class Reason:
    """A sentence about the world. `message` is an N_() string; the values are named in it."""

    message: str
    values: tuple[tuple[str, object], ...] = ()

    def __str__(self) -> str:
        return translate(self.message).format(**dict(self.values))


@dataclass(frozen=True, slots=True)
class Word:
    """A value of a Reason that is itself translated when shown."""

    text: str

    def __str__(self) -> str:
        return translate(self.text)


def because(message: str, **values: object) -> Reason:
    """Return a reason."""
    return Reason(message, tuple(values.items()))
