// Many points, written into the pixels themselves: a hundred thousand paths would take a second.
import { backgroundOf, outOf, rgbOf } from "./colours";
import { GREY, OUT } from "./state";

const OPAQUE = 0.65;
let image: ImageData | null = null;

/** Paint points over the whole canvas: those that are left out below, the others over each other, half seen through. */
export function paintPixels(
  pen: CanvasRenderingContext2D,
  ratio: number,
  places: Float32Array,
  ranks: Uint8Array,
  screen: (x: number, y: number) => [number, number],
): void {
  const { width, height } = pen.canvas;
  if (image?.width !== width || image.height !== height) image = pen.createImageData(width, height);
  const pixels = image.data;
  new Uint32Array(pixels.buffer).fill(packed(backgroundOf(pen.canvas)));
  const radius = (ranks.length > 20_000 ? 1.6 : 2.6) * ratio;
  const reach = Math.ceil(radius);
  const found: number[] = [];
  for (let y = -reach; y <= reach; y++)
    for (let x = -reach; x <= reach; x++) if (x * x + y * y <= radius * radius) found.push(4 * (y * width + x));
  const disc = Int32Array.from(found); // where the pixels of a point are, from its middle
  const [originX, originY] = screen(0, 0);
  const [oneX, oneY] = screen(1, 1); // the way from picture to screen is a shift and a scale
  const [scaleX, scaleY] = [(oneX - originX) * ratio, (oneY - originY) * ratio];
  const [shiftX, shiftY] = [originX * ratio, originY * ratio];
  const paints = new Float32Array(3 * 256);
  for (let rank = 0; rank < 256; rank++) paints.set(rank === OUT ? outOf() : rgbOf(rank === GREY ? -1 : rank), 3 * rank);
  for (const below of [true, false])
    for (let usage = 0; usage < ranks.length; usage++) {
      const rank = ranks[usage];
      if ((rank === OUT) !== below) continue;
      const x = Math.round(shiftX + places[2 * usage] * scaleX);
      const y = Math.round(shiftY + places[2 * usage + 1] * scaleY);
      if (x < reach || y < reach || x >= width - reach || y >= height - reach) continue;
      const middle = 4 * (y * width + x);
      const red = paints[3 * rank];
      const green = paints[3 * rank + 1];
      const blue = paints[3 * rank + 2];
      for (let part = 0; part < disc.length; part++) {
        const at = middle + disc[part];
        pixels[at] += (red - pixels[at]) * OPAQUE;
        pixels[at + 1] += (green - pixels[at + 1]) * OPAQUE;
        pixels[at + 2] += (blue - pixels[at + 2]) * OPAQUE;
      }
    }
  pen.putImageData(image, 0, 0);
}

const packed = ([red, green, blue]: [number, number, number]) => ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
