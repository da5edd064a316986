"""What a struct of settings is made of; see `shared.settings`, which reads them."""

from collections.abc import Callable
from typing import Annotated

from msgspec import Meta, Struct

Port = Annotated[int, Meta(ge=1, le=65_535)]


class Settings(Struct, frozen=True, kw_only=True):
    """The settings of one concern."""


def meta(
    description: str,
    *names: str,
    secret: bool = False,
    read: Callable[[str], str] = lambda value: value,
) -> Meta:
    """`read` gives a value its one form; it raises ValueError, which says what is allowed."""
    return Meta(description=description, extra={"names": names, "secret": secret, "read": read})
