"""What can go wrong with a backup.

EchoBaseError
└── BackupError       a backup cannot be made, read or brought back; says what to do
"""

from shared.errors import EchoBaseError


class BackupError(EchoBaseError):
    """A backup cannot be made, read or brought back."""

    code = "backup"
