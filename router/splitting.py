"""Experiments: each user gets one of several models, always the same one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Split(Generic[T]):
    """Some users get a variant, the others what all would get without the experiment.

    A user's place between 0 and 1 is a hash of the experiment's and the user's name: nothing is stored, every replica
    agrees, and experiments of different names divide the users independently. Enlarging the share of the last variant
    takes users from the rest alone.

    Attributes:
        usual: what the rest gets.
        name: of the experiment.
        variants: each with the share of users, 0 to 1, that gets it.
    """

    usual: T
    name: str = ""
    variants: tuple[tuple[T, float], ...] = ()

    def of(self, user: str) -> T:
        """What the user gets."""
        if not self.variants:
            return self.usual
        place, end = self._place(user), 0.0
        for variant, share in self.variants:
            end += share
            if place < end:
                return variant
        return self.usual

    def shares(self) -> tuple[tuple[T, float], ...]:
        """Everything that somebody gets, with its share of the users, the usual first."""
        return ((self.usual, 1.0 - sum(share for _, share in self.variants)), *self.variants)

    def _place(self, user: str) -> float:
        digest = hashlib.blake2b(f"{self.name}\0{user}".encode(), digest_size=8).digest()
        return int.from_bytes(digest) / 2**64
