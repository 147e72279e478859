"""How long the benchmark measures, and what is aimed at."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """The extent of a run."""

    rounds: int
    seconds: float
    """Of load on one server, for each round, door, operation and number of clients."""
    clients: tuple[int, ...]
    judgements: int
    """In each of the rounds of which the best counts."""
    road_rounds: int
    road_puts: int


FULL = Plan(rounds=12, seconds=0.25, clients=(1, 8, 32), judgements=200, road_rounds=18, road_puts=40)
QUICK = Plan(rounds=1, seconds=0.05, clients=(1, 8, 32), judgements=20, road_rounds=1, road_puts=5)


@dataclass(frozen=True)
class Aim:
    """Something that should stay below a limit."""

    what: str
    figure: float
    limit: float
    unit: str

    @property
    def met(self) -> bool:
        """Whether it does."""
        return self.figure <= self.limit
