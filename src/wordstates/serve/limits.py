"""What a server takes at most: the defaults of `wordstates serve`, which its help shows."""

from __future__ import annotations

from dataclasses import dataclass

from wordstates.errors import InputError
from wordstates.wording import counted

MOST_CONTEXT = 10_000  # characters on each side of a word or a usage


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a server takes at most.

    Args:
        queue_subwords: Subwords of all requests that wait.
        request_subwords: Subwords of one request.
        text_subwords: Subwords of one text.
        request_texts: Texts of one request.
        request_recipes: Recipes of one request.
        answer_numbers: Numbers in the vectors of one answer.
        body_bytes: Bytes of the body of a request.
        turn_subwords: Subwords that are read together, of all requests that wait; each has a share in a turn.
        time_limit: Seconds from a request to its answer.
        drain_seconds: Seconds that are left to finish what was taken when the server is stopped.

    Raises:
        InputError: If one of them is not positive, or a request that is allowed could never wait.
    """

    queue_subwords: int = 131_072
    request_subwords: int = 65_536
    text_subwords: int = 16_384
    request_texts: int = 2_048
    request_recipes: int = 16
    answer_numbers: int = 33_554_432
    body_bytes: int = 8_388_608
    turn_subwords: int = 4_096
    time_limit: float = 60.0
    drain_seconds: float = 30.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise InputError(f"{name}={value} allows nothing: give more than 0.")
        if self.request_subwords > self.queue_subwords:
            raise InputError(
                f"A request of {counted(self.request_subwords, 'subword')} would never fit a queue of "
                f"{self.queue_subwords:,}: give a larger queue_subwords=..., or a smaller request_subwords=...."
            )
