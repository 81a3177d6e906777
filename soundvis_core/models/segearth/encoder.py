"""CLIP's image tower up to features per patch: the last block looks at likeness alone (arXiv 2410.01768, eq. 1-2)."""

from __future__ import annotations

from typing import Any

from ...errors import InputError
from ..torch_stack import torch_stack
from .windows import CROP

PATCH = 16


class PatchEncoder:
    """Crops -> a vector per crop and one per patch, in the space of CLIP's texts.

    ``visual`` is open_clip's vision transformer with patches of 16 pixels, on its device and in its number format.
    Raises InputError for another architecture.
    """

    def __init__(self, visual: Any) -> None:
        blocks = getattr(getattr(visual, "transformer", None), "resblocks", None)
        patch = tuple(visual.conv1.kernel_size) if blocks is not None else ()
        tokens = len(visual.positional_embedding) if blocks is not None else 0
        if (
            patch != (PATCH, PATCH)
            or tokens != (CROP // PATCH) ** 2 + 1
            or getattr(visual, "proj", None) is None
        ):
            what = f" with patches of {patch[0]} pixels and {tokens} tokens" if patch else ""
            raise InputError(
                f"SegEarth-OV needs CLIP's vision transformer with patches of {PATCH} pixels for pictures of {CROP} "
                f"(ViT-B/16); the checkpoint is a {type(visual).__name__}{what}."
            )
        self._visual = visual
        self._blocks = list(blocks or ())
        self._functional = torch_stack().nn.functional
        self.width = int(visual.proj.shape[1])

    def encode(self, crops: Any) -> tuple[Any, Any]:
        """Normalised crops (n, 3, h, w) -> class tokens (n, d), features (n, h / 16, w / 16, d), not normalised."""
        visual = self._visual
        n, _, height, width = crops.shape
        crops = crops.to(visual.proj.dtype)
        patches = visual.conv1(crops).flatten(2).transpose(1, 2)
        x = torch_stack().cat([visual.class_embedding.to(crops.dtype).expand(n, 1, -1), patches], dim=1)
        x = visual.ln_pre(x + visual.positional_embedding.to(crops.dtype))
        for block in self._blocks[:-1]:
            x = x + self._attended(block, x, last=False)
            x = x + block.mlp(block.ln_2(x))
        # No residual and no feed-forward: what the last block adds is all that is kept.
        z = visual.ln_post(self._attended(self._blocks[-1], x, last=True)) @ visual.proj
        return z[:, 0].float(), z[:, 1:].float().reshape(n, height // PATCH, width // PATCH, -1)

    def _attended(self, block: Any, x: Any, last: bool) -> Any:
        """Self-attention of a block. In the last one, patches attend to those with alike queries, keys and values:
        A = softmax(q q'/sqrt d) + softmax(k k'/sqrt d) + softmax(v v'/sqrt d), a sum of three (eq. 2).
        """
        attention, functional = block.attn, self._functional
        n, tokens, width = x.shape
        qkv = functional.linear(block.ln_1(x), attention.in_proj_weight, attention.in_proj_bias)
        q, k, v = qkv.view(n, tokens, 3, attention.num_heads, -1).permute(2, 0, 3, 1, 4)
        attend = functional.scaled_dot_product_attention
        heard = attend(q, q, v) + attend(k, k, v) + attend(v, v, v) if last else attend(q, k, v)
        return attention.out_proj(heard.transpose(1, 2).reshape(n, tokens, width))
