"""What can be wrong with a bundle, a delta or a site.

EchoBaseError
└── AirgapError
    ├── BadBundle       damaged, not signed by our key, or not in a form that we know
    ├── WrongBase       a delta for another bundle than the one that the site has
    ├── OlderVersion    older than what the site has; `--force` takes it nevertheless
    ├── NoRoom          the disk is too full
    └── RolloutFailed   the cluster did not become healthy with it
"""

from typing import ClassVar

from shared.errors import EchoBaseError


class AirgapError(EchoBaseError):
    """A bundle cannot be made or brought in."""

    code: ClassVar[str] = "airgap"


class BadBundle(AirgapError):
    """The bundle or delta is damaged, not signed by our key, or not in a form that we know."""

    code = "bad-bundle"


class WrongBase(AirgapError):
    """The delta is for another bundle than the one that the site has."""

    code = "wrong-base"


class OlderVersion(AirgapError):
    """The bundle is older than what the site has."""

    code = "older-version"


class NoRoom(AirgapError):
    """The disk is too full."""

    code = "no-room"


class RolloutFailed(AirgapError):
    """The cluster did not become healthy with the bundle's manifests."""

    code = "rollout-failed"
