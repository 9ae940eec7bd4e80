/** Makes a screenshot a PNG of at most 256 colours, a third of the size: previews live in the repository. */
import { crc32, deflateSync, inflateSync } from "node:zlib";

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** Takes a PNG of 8 bits in RGB or RGBA, not interlaced, as browsers make them. */
export function toPalettePng(png: Buffer): Buffer {
  const { width, height, channels, data } = readPixels(png);
  const colours = new Map<number, number>();
  for (let at = 0; at < data.length; at += channels) {
    const colour = (byte(data, at) << 16) | (byte(data, at + 1) << 8) | byte(data, at + 2);
    colours.set(colour, (colours.get(colour) ?? 0) + 1);
  }
  const palette = choosePalette(colours);
  const nearest = new Map([...colours.keys()].map((colour) => [colour, nearestIn(palette, colour)]));
  const rows = Buffer.alloc(height * (width + 1));
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      const at = (row * width + column) * channels;
      const colour = (byte(data, at) << 16) | (byte(data, at + 1) << 8) | byte(data, at + 2);
      rows[row * (width + 1) + column + 1] = nearest.get(colour) ?? 0;
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  // Eight bits a pixel, colour type 3 (palette).
  header.set([8, 3], 8);
  const entries = Buffer.from(palette.flatMap((colour) => [colour >> 16, (colour >> 8) & 255, colour & 255]));
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("PLTE", entries),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function byte(data: Buffer, at: number): number {
  return data[at] ?? 0;
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  body.copy(framed, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}

interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Buffer;
}

/** Undoes compression and the filter of each line (PNG specification, section 9). */
function readPixels(png: Buffer): Pixels {
  const width = png.readUInt32BE(16);
  const height = png.readUInt32BE(20);
  const channels = png[25] === 6 ? 4 : 3;
  const parts: Buffer[] = [];
  for (let at = 8; at < png.length; at += png.readUInt32BE(at) + 12) {
    if (png.toString("latin1", at + 4, at + 8) === "IDAT")
      parts.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)));
  }
  const filtered = inflateSync(Buffer.concat(parts));
  const lineBytes = width * channels;
  const data = Buffer.alloc(height * lineBytes);
  for (let row = 0; row < height; row += 1) {
    const filter = byte(filtered, row * (lineBytes + 1));
    for (let place = 0; place < lineBytes; place += 1) {
      const at = row * lineBytes + place;
      const left = place < channels ? 0 : byte(data, at - channels);
      const above = row === 0 ? 0 : byte(data, at - lineBytes);
      const corner = row === 0 || place < channels ? 0 : byte(data, at - lineBytes - channels);
      data[at] = byte(filtered, at + row + 1) + predict(filter, left, above, corner);
    }
  }
  return { width, height, channels, data };
}

function predict(filter: number, left: number, above: number, corner: number): number {
  switch (filter) {
    case 1:
      return left;
    case 2:
      return above;
    case 3:
      return (left + above) >> 1;
    case 4: {
      const guess = left + above - corner;
      const [toLeft, toAbove, toCorner] = [left, above, corner].map((value) => Math.abs(guess - value)) as [
        number,
        number,
        number,
      ];
      if (toLeft <= toAbove && toLeft <= toCorner) return left;
      return toAbove <= toCorner ? above : corner;
    }
    default:
      return 0;
  }
}

/** The most frequent colour of each little cube of colours, the fullest 256 cubes. */
function choosePalette(colours: ReadonlyMap<number, number>): number[] {
  const cubes = new Map<number, { total: number; colour: number; count: number }>();
  for (const [colour, count] of colours) {
    const cube = colour & 0xf0_f0_f0;
    const known = cubes.get(cube);
    if (known === undefined) cubes.set(cube, { total: count, colour, count });
    else {
      known.total += count;
      if (count > known.count) Object.assign(known, { colour, count });
    }
  }
  const fullest = [...cubes.values()].toSorted((one, other) => other.total - one.total).slice(0, 240);
  // Large areas differ by less than a cube: the most frequent colours keep their own place.
  const frequent = [...colours].toSorted((one, other) => other[1] - one[1]).slice(0, 64);
  return [...new Set([...frequent.map(([colour]) => colour), ...fullest.map(({ colour }) => colour)])].slice(
    0,
    256,
  );
}

function nearestIn(palette: readonly number[], colour: number): number {
  let best = 0;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const [index, candidate] of palette.entries()) {
    const red = (candidate >> 16) - (colour >> 16);
    const green = ((candidate >> 8) & 255) - ((colour >> 8) & 255);
    const blue = (candidate & 255) - (colour & 255);
    const distance = red * red + green * green + blue * blue;
    if (distance < bestDistance) [best, bestDistance] = [index, distance];
  }
  return best;
}
