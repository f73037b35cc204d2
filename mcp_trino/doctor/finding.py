"""What a check found."""

from enum import Enum

from attrs import frozen


class Grade(Enum):
    """How much it matters."""

    FINE = "ok"
    DOUBTFUL = "doubtful"
    """It works, but the operator should know."""
    BAD = "bad"
    """It does not work."""


@frozen
class Finding:
    """
    One line for the operator.

    :ivar subject: what was looked at, one word.
    :ivar sentence: without a secret.
    """

    grade: Grade
    subject: str
    sentence: str

    def __str__(self) -> str:
        line = f"{self.grade.value:<8} {self.subject:<13} {self.sentence}"
        return " ".join(line.splitlines())


def fine(subject: str, sentence: str) -> Finding:
    """Say that something works."""
    return Finding(Grade.FINE, subject, sentence)


def doubtful(subject: str, sentence: str) -> Finding:
    """Say what the operator should know."""
    return Finding(Grade.DOUBTFUL, subject, sentence)


def bad(subject: str, sentence: str) -> Finding:
    """Say what does not work."""
    return Finding(Grade.BAD, subject, sentence)
