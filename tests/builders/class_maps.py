"""Class maps of logits by the literal way."""

from __future__ import annotations

import torch


def literal_class_map(logits, size, codes, threshold):
    """Bilinear to the size of the picture, sigmoid, argmax over the prompts, threshold, class of the prompt."""
    whole = torch.nn.functional.interpolate(logits[None], size=size, mode="bilinear", align_corners=False)[0]
    best, prompt = torch.sigmoid(whole).max(0)
    found = torch.tensor(codes, dtype=torch.uint8)[prompt]
    found[best < threshold] = 0
    return found.numpy()
