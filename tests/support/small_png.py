"""Pictures for the docs: a screenshot as a PNG of at most 256 colours, a third of the size.

The browser itself reads the pixels and picks the palette, so no imaging library is needed.
"""

import base64
import struct
import zlib

from playwright.sync_api import Page

# The most frequent colours stay as they are; the few others take the nearest of them.
_READ = """async (png) => {
  const blob = await (await fetch("data:image/png;base64," + png)).blob();
  const bitmap = await createImageBitmap(blob);
  const {width, height} = bitmap;
  const canvas = new OffscreenCanvas(width, height).getContext("2d");
  canvas.drawImage(bitmap, 0, 0);
  const pixels = new Uint32Array(canvas.getImageData(0, 0, width, height).data.buffer);
  const counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) || 0) + 1);
  const ranked = [...counts].sort((one, other) => other[1] - one[1]).map(([pixel]) => pixel);
  const palette = ranked.slice(0, 256);
  const part = (pixel, shift) => (pixel >>> shift) & 255;
  const apart = (one, other) =>
    [0, 8, 16].reduce((sum, shift) => sum + (part(one, shift) - part(other, shift)) ** 2, 0);
  const places = new Map(palette.map((pixel, place) => [pixel, place]));
  for (const pixel of ranked.slice(256)) {
    let best = 0;
    palette.forEach((known, place) => {
      if (apart(pixel, known) < apart(pixel, palette[best])) best = place;
    });
    places.set(pixel, best);
  }
  let indices = "";
  for (const pixel of pixels) indices += String.fromCharCode(places.get(pixel));
  const colours = palette.flatMap((pixel) => [0, 8, 16].map((shift) => part(pixel, shift)));
  return {width, height, colours, indices: btoa(indices)};
}"""


def small_png(page: Page, png: bytes) -> bytes:
    """Return the picture with a palette; `page` is any page without a Content-Security-Policy."""
    read = page.evaluate(_READ, base64.b64encode(png).decode())
    width, indices = read["width"], base64.b64decode(read["indices"])
    rows = b"".join(
        b"\0" + indices[start : start + width] for start in range(0, len(indices), width)
    )
    header = struct.pack(">IIBBBBB", width, read["height"], 8, 3, 0, 0, 0)
    chunks = (
        (b"IHDR", header),
        (b"PLTE", bytes(read["colours"])),
        (b"IDAT", zlib.compress(rows, 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
