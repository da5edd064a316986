"""What moves the weights: Muon for the matrices, AdamW for all else.

Muon (Jordan and others, 2024) gives every direction of a matrix the same say; beside AdamW at the
same rate it needed a tenth less of a training to be as good. Embeddings and vectors are not for it.
"""

from collections.abc import Mapping
from typing import Any, Final, cast

from services.transcriber.demo_model.recipe import network
from services.transcriber.demo_model.recipe.tensor import Tensor
from services.transcriber.libraries import library

_torch: Any = library("torch")
_DECAY: Final = 0.01


class Optimizer:
    """Both, as one."""

    def __init__(self, weights: network.Weights) -> None:
        """`weights` are those to be trained."""
        matrices = [weight for name, weight in weights.items() if _is_matrix(name, weight)]
        others = [weight for name, weight in weights.items() if not _is_matrix(name, weight)]
        self._parts: dict[str, Any] = {
            # Scaled so that the rate means what it means for AdamW.
            "matrices": _torch.optim.Muon(
                matrices, weight_decay=_DECAY, adjust_lr_fn="match_rms_adamw"
            ),
            "others": _torch.optim.AdamW(
                others, betas=(0.9, 0.98), weight_decay=_DECAY, foreach=True
            ),
        }

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for part in self._parts.values():
            part.zero_grad()

    def step(self, rate: float) -> None:
        """Move the weights along their gradients."""
        for part in self._parts.values():
            for group in part.param_groups:
                group["lr"] = rate
            part.step()

    def state_dict(self) -> dict[str, object]:
        """All that is needed to go on."""
        return {name: part.state_dict() for name, part in self._parts.items()}

    def load_state_dict(self, state: Mapping[str, object]) -> None:
        """Go on from what `state_dict` gave."""
        for name, part in self._parts.items():
            part.load_state_dict(cast(dict[str, object], state[name]))


def _is_matrix(name: str, weight: Tensor) -> bool:
    return len(weight.shape) == 2 and "/layer_" in name
