"""Photos of every kind, good, odd and bad, written into a folder for tests.

The test picture has four quarters: red, green (top), blue, grey (bottom), so that a rotation shows.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

RED, GREEN, BLUE, GREY = (200, 40, 30), (40, 160, 60), (30, 60, 190), (128, 128, 128)


def quarters(width: int = 64, height: int = 48) -> np.ndarray:
    """The upright test picture, uint8 (height, width, 3)."""
    picture = np.empty((height, width, 3), dtype=np.uint8)
    half_h, half_w = height // 2, width // 2
    picture[:half_h, :half_w], picture[:half_h, half_w:] = RED, GREEN
    picture[half_h:, :half_w], picture[half_h:, half_w:] = BLUE, GREY
    return picture


def plain_jpeg(folder: Path) -> Path:
    return _save(quarters(), folder / "plain.jpg", quality=95)


def plain_png(folder: Path) -> Path:
    return _save(quarters(), folder / "plain.png")


def webp(folder: Path) -> Path:
    return _save(quarters(), folder / "plain.webp", lossless=True)


def rotated(folder: Path, orientation: int) -> Path:
    """A JPEG whose stored pixels must be turned by EXIF ``orientation`` (1 to 8) to be upright."""
    upright = quarters()
    turned = upright.transpose(1, 0, 2)
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: turned,
        6: turned[::-1],
        7: turned[::-1, ::-1],
        8: turned[:, ::-1],
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    return _save(stored, folder / f"rotated_{orientation}.jpg", quality=95, exif=exif.tobytes())


def cmyk_jpeg(folder: Path) -> Path:
    """CMYK as Photoshop writes it: with an Adobe marker and inverted inks."""
    path = folder / "cmyk.jpg"
    Image.fromarray(quarters()).convert("CMYK").save(path, quality=95)
    return path


def cmyk_tiff(folder: Path) -> Path:
    path = folder / "cmyk.tif"
    Image.fromarray(quarters()).convert("CMYK").save(path)
    return path


def grey_png(folder: Path) -> Path:
    return _save(quarters()[..., 1], folder / "grey.png")


def grey16_png(folder: Path) -> Path:
    path = folder / "grey16.png"
    Image.fromarray(quarters()[..., 1].astype(np.uint16) * 257).save(path)
    return path


def grey16_tiff(folder: Path) -> Path:
    path = folder / "grey16.tif"
    Image.fromarray(quarters()[..., 1].astype(np.uint16) * 257).save(path)
    return path


def rgb16_tiff(folder: Path) -> Path:
    """A 16-bit RGB TIFF (uncompressed, little-endian), written by hand: Pillow cannot write one."""
    pixels = (quarters().astype("<u2") * 257).tobytes()
    height, width = quarters().shape[:2]
    entries = 10
    after = 8 + 2 + entries * 12 + 4
    tags = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 3, after),
        (259, 3, 1, 1),
        (262, 3, 1, 2),
        (273, 4, 1, after + 6),
        (277, 3, 1, 3),
        (278, 4, 1, height),
        (279, 4, 1, len(pixels)),
        (284, 3, 1, 1),
    ]
    body = struct.pack("<2sHIH", b"II", 42, 8, entries)
    body += b"".join(struct.pack("<HHII", *tag) for tag in tags) + struct.pack("<I", 0)
    path = folder / "rgb16.tif"
    path.write_bytes(body + struct.pack("<3H", 16, 16, 16) + pixels)
    return path


def rgb16_png(folder: Path) -> Path:
    rows = quarters().astype(">u2") * 257
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    path = folder / "rgb16.png"
    path.write_bytes(_png(rows.shape[1], rows.shape[0], 16, 2, zlib.compress(raw)))
    return path


def float_tiff(folder: Path) -> Path:
    path = folder / "float.tif"
    Image.fromarray(quarters()[..., 1].astype(np.float32) / 255.0).save(path)
    return path


def palette_png(folder: Path) -> Path:
    path = folder / "palette.png"
    Image.fromarray(quarters()).quantize(8).save(path)
    return path


def alpha_png(folder: Path) -> Path:
    """The lower half is fully transparent: it must come out white."""
    alpha = np.full(quarters().shape[:2], 255, dtype=np.uint8)
    alpha[alpha.shape[0] // 2 :] = 0
    return _save(np.dstack([quarters(), alpha]), folder / "alpha.png")


def palette_alpha_gif(folder: Path) -> Path:
    """A GIF whose colour 0 (the left half) is transparent."""
    indices = np.zeros((48, 64), dtype=np.uint8)
    indices[:, 32:] = 1
    image = Image.fromarray(indices, mode="P")
    image.putpalette([10, 10, 10, *RED])
    path = folder / "alpha.gif"
    image.save(path, transparency=0)
    return path


def bilevel_png(folder: Path) -> Path:
    path = folder / "bilevel.png"
    Image.fromarray(quarters()[..., 1] > 100).save(path)
    return path


def panorama_jpeg(folder: Path, width: int = 16384, height: int = 8192) -> Path:
    """A big but honest picture: a grey JPEG of 134 megapixels in a small file."""
    path = folder / "panorama.jpg"
    Image.new("L", (width, height), 128).save(path, quality=50)
    return path


def wrong_extension(folder: Path) -> Path:
    """A PNG under the name of a JPEG: must be read all the same."""
    path = folder / "really_a_png.jpg"
    path.write_bytes(plain_png(folder).read_bytes())
    return path


def truncated_jpeg(folder: Path) -> Path:
    noise = np.random.default_rng(1).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    whole = _save(noise, folder / "truncated.jpg", quality=90)
    whole.write_bytes(whole.read_bytes()[:6000])
    return whole


def truncated_png(folder: Path) -> Path:
    noise = np.random.default_rng(2).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    whole = _save(noise, folder / "truncated.png")
    whole.write_bytes(whole.read_bytes()[:9000])
    return whole


def corrupt_png(folder: Path) -> Path:
    """A PNG with a good header and rubbish for pixels."""
    path = folder / "corrupt.png"
    path.write_bytes(_png(64, 48, 8, 2, b"this is not a deflate stream"))
    return path


def bomb_png(folder: Path) -> Path:
    """A few bytes that promise 60000 x 60000 pixels."""
    path = folder / "bomb.png"
    path.write_bytes(_png(60000, 60000, 8, 2, zlib.compress(b"\0" * 1000)))
    return path


def text_as_jpeg(folder: Path) -> Path:
    path = folder / "text.jpg"
    path.write_text("This is no picture.\n" * 20, encoding="utf-8")
    return path


def heic_like(folder: Path) -> Path:
    path = folder / "phone.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 64)
    return path


def empty_file(folder: Path) -> Path:
    path = folder / "empty.jpg"
    path.write_bytes(b"")
    return path


def tiny_png(folder: Path) -> Path:
    return _save(quarters(15, 40), folder / "tiny.png")


#: Builders of photos that must be read, by name.
GOOD = {
    builder.__name__: builder
    for builder in (
        plain_jpeg, plain_png, webp, cmyk_jpeg, cmyk_tiff, grey_png, grey16_png, grey16_tiff, rgb16_tiff, rgb16_png,
        float_tiff, palette_png, alpha_png, palette_alpha_gif, bilevel_png, wrong_extension,
    )
}  # fmt: skip
#: Builders of photos that cannot be read, with the status their site must get.
BAD = {
    truncated_jpeg: "failed",
    truncated_png: "failed",
    corrupt_png: "failed",
    bomb_png: "failed",
    text_as_jpeg: "failed",
    heic_like: "failed",
    empty_file: "failed",
    tiny_png: "skipped",
}


def _save(pixels: np.ndarray, path: Path, **options: object) -> Path:
    Image.fromarray(np.ascontiguousarray(pixels)).save(path, **options)
    return path


def _png(width: int, height: int, depth: int, colour_type: int, data: bytes) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
