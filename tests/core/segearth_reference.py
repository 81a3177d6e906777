"""SegEarth-OV (arXiv 2410.01768) written down equation by equation: slow, literal, shares nothing with the package.

The numbers of the equations are those of the specification: 1 the first blocks, 2 the last one, 3 SimFeatUp's joint
bilateral upsampling, 4 its last layer, 5 the logits, 6 the sliding window, 7 the classes.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as nn_functional

CROP, STRIDE, RADIUS = 224, 112, 5
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)


def layer_norm(x, module):
    return nn_functional.layer_norm(x, x.shape[-1:], module.weight, module.bias, module.eps)


def encode(visual, image):
    """Equations 1 and 2: (1, 3, 224, 224) -> class token (d,) and features (1, d, 14, 14)."""
    patches = nn_functional.conv2d(image, visual.conv1.weight, stride=visual.conv1.stride)
    _, width, rows, columns = patches.shape
    tokens = (
        torch.cat([visual.class_embedding[None], patches.reshape(width, -1).T]) + visual.positional_embedding
    )
    x = layer_norm(tokens, visual.ln_pre)
    *blocks, last = visual.transformer.resblocks
    heads = last.attn.num_heads
    size = width // heads

    def projected(block, x):
        qkv = layer_norm(x, block.ln_1) @ block.attn.in_proj_weight.T + block.attn.in_proj_bias
        return [
            [part[:, head * size : (head + 1) * size] for head in range(heads)]
            for part in qkv.split(width, 1)
        ]

    def similarity(a, b):
        return torch.softmax(a @ b.T / math.sqrt(size), dim=-1)

    for block in blocks:
        q, k, v = projected(block, x)
        heard = torch.cat([similarity(q[head], k[head]) @ v[head] for head in range(heads)], 1)
        x = x + heard @ block.attn.out_proj.weight.T + block.attn.out_proj.bias
        hidden = layer_norm(x, block.ln_2) @ block.mlp.c_fc.weight.T + block.mlp.c_fc.bias
        hidden = hidden * torch.sigmoid(1.702 * hidden)
        x = x + hidden @ block.mlp.c_proj.weight.T + block.mlp.c_proj.bias
    q, k, v = projected(last, x)
    o = torch.cat(
        [
            (similarity(q[head], q[head]) + similarity(k[head], k[head]) + similarity(v[head], v[head]))
            @ v[head]
            for head in range(heads)
        ],
        1,
    )
    o = o @ last.attn.out_proj.weight.T + last.attn.out_proj.bias
    z = layer_norm(o, visual.ln_post) @ visual.proj
    return z[0], z[1:].T.reshape(1, -1, rows, columns)


def conv1x1(x, weight, bias):
    return nn_functional.conv2d(x, weight, bias)


def upsample_step(features, image, weights):
    """Equation 3, one step: features (1, c, h, w) and the crop (1, 3, 224, 224) -> (1, c, 2h, 2w)."""
    _, channels, height, width = features.shape
    rows, columns = 2 * height, 2 * width
    guidance = nn_functional.adaptive_avg_pool2d(image, (rows, columns))
    p = conv1x1(guidance, weights["up.range_proj.0.weight"], weights["up.range_proj.0.bias"])
    p = conv1x1(nn_functional.gelu(p), weights["up.range_proj.3.weight"], weights["up.range_proj.3.bias"])
    t = weights["up.range_temp"].exp().clamp(1e-4, 1e4)
    p_padded = nn_functional.pad(p, (RADIUS,) * 4, mode="reflect")
    taps = [(dy, dx) for dy in range(2 * RADIUS + 1) for dx in range(2 * RADIUS + 1)]
    scores = [t * (p_padded[:, :, dy : dy + rows, dx : dx + columns] * p).sum(1) for dy, dx in taps]
    r = torch.softmax(torch.stack(scores, 1), dim=1)
    line = torch.linspace(-1, 1, 2 * RADIUS + 1)
    sigma = weights["up.sigma_spatial"]
    s = torch.stack([torch.exp(-(line[dy] ** 2 + line[dx] ** 2) / (2 * sigma**2)) for dy, dx in taps])
    rs = r * s[None, :, None, None]
    k = rs / rs.sum(1, keepdim=True).clamp(min=1e-7)
    fixed = torch.cat([k, guidance], 1)
    fixed = conv1x1(fixed, weights["up.fixup_proj.0.weight"], weights["up.fixup_proj.0.bias"])
    fixed = conv1x1(
        nn_functional.gelu(fixed), weights["up.fixup_proj.3.weight"], weights["up.fixup_proj.3.bias"]
    )
    k = k + 0.1 * fixed
    larger = nn_functional.interpolate(features, (rows, columns), mode="bicubic", align_corners=False)
    larger = nn_functional.pad(larger, (RADIUS,) * 4, mode="reflect")
    result = torch.zeros(1, channels, rows, columns)
    for tap, (dy, dx) in enumerate(taps):
        result += k[:, tap : tap + 1] * larger[:, :, dy : dy + rows, dx : dx + columns]
    return result


def upsample(features, image, weights):
    """Equations 3 and 4: (1, c, 14, 14) -> (1, c, 224, 224)."""
    while features.shape[-1] < CROP:
        features = upsample_step(features, image, weights)
    return features + 0.1 * conv1x1(features, weights["fixup_proj.1.weight"], weights["fixup_proj.1.bias"])


def crop_logits(visual, image, text, weights, debias=-0.3):
    """Equations 1 to 5 for one normalised crop (1, 3, 224, 224); text (q, d) -> (q, 224, 224)."""
    c, features = encode(visual, image)
    if weights is not None:
        features = upsample(features, image, weights)
    norms = features[0].norm(dim=0).clamp(min=1e-12)
    logits = torch.einsum("qd,dyx->qyx", text, features[0] / norms)
    logits = logits + debias * (text @ (c / c.norm()))[:, None, None]
    if weights is None:
        return nn_functional.interpolate(logits[None], (CROP, CROP), mode="bilinear", align_corners=False)[0]
    return logits


def slide(visual, image, text, weights, debias=-0.3):
    """Equation 6 for a normalised picture (3, h, w), both at least 224 -> (q, h, w)."""
    _, height, width = image.shape
    total = torch.zeros(len(text), height, width)
    visits = torch.zeros(height, width)
    for row in range((max(height - CROP, 0) + STRIDE - 1) // STRIDE + 1):
        for column in range((max(width - CROP, 0) + STRIDE - 1) // STRIDE + 1):
            bottom, right = min(row * STRIDE + CROP, height), min(column * STRIDE + CROP, width)
            top, left = bottom - CROP, right - CROP
            crop = image[None, :, top:bottom, left:right]
            total[:, top:bottom, left:right] += crop_logits(visual, crop, text, weights, debias)
            visits[top:bottom, left:right] += 1
    return total / visits


def class_probabilities(logits, owners):
    """Equation 7: logits (q, h, w), owners (q,) class numbers 0.. -> (classes, h, w)."""
    probabilities = torch.softmax(50 * logits, dim=0)
    return torch.stack(
        [
            probabilities[[i for i, owner in enumerate(owners) if owner == number]].max(0).values
            for number in range(max(owners) + 1)
        ]
    )


def normalised(pixels):
    """uint8 (h, w, 3) -> float (3, h, w)."""
    scaled = (torch.as_tensor(pixels).float() / 255 - torch.tensor(MEAN)) / torch.tensor(STD)
    return scaled.permute(2, 0, 1)


def segment(visual, pixels, text, owners, weights, threshold, background):
    """All equations: pixels uint8 (h, w, 3) -> (probability, class number) maps; ``background`` a class number."""
    probabilities = class_probabilities(slide(visual, normalised(pixels), text, weights), owners)
    best, number = probabilities.max(0)
    number[best < threshold] = background
    return best, number
