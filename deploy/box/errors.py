"""What can go wrong on a box.

EchoBaseError
└── BoxError          it cannot be installed, updated or removed; nothing was changed
    └── RolledBack    the new release did not become healthy; the one before runs again
"""

from typing import ClassVar

from shared.errors import EchoBaseError


class BoxError(EchoBaseError):
    """EchoBase cannot be installed, updated or removed here."""

    code: ClassVar[str] = "box"


class RolledBack(BoxError):
    """The new release did not become healthy: the one before runs again."""

    code = "rolled-back"
