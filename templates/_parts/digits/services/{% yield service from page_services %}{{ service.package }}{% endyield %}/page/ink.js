// From strokes to what the model was trained on: 32x32 bitmaps, inked blocks of 4x4 counted, so 8x8 greys from 0 to 16.

const BITMAP = 32;
const BLOCK = 4;
export const SIDE = BITMAP / BLOCK;
const PEN = 6; // of the bitmap; about as thick as the strokes of the training images
const SMALLEST = 0.25; // of the pad: a dot is not blown up to a disc

/** @typedef {{x: number, y: number}} Point from 0 to 1 */

/**
 * The image that the model gets. The ink is brought to the middle and to full height first, as in the training images.
 * @param {Point[][]} strokes
 * @returns {number[]} 64 greys, row by row
 */
export function imageOf(strokes) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = BITMAP;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const points = strokes.flat();
  if (points.length) {
    const [left, right] = span(points.map((point) => point.x));
    const [top, bottom] = span(points.map((point) => point.y));
    const scale = (BITMAP - PEN) / Math.max(right - left, bottom - top, SMALLEST);
    const placed = ({ x, y }) => ({
      x: BITMAP / 2 + (x - (left + right) / 2) * scale,
      y: BITMAP / 2 + (y - (top + bottom) / 2) * scale,
    });
    pen.lineWidth = PEN;
    for (const stroke of strokes) {
      drawStroke(pen, stroke.map(placed));
    }
  }
  return countedBlocks(pen.getImageData(0, 0, BITMAP, BITMAP).data);
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {Point[]} stroke in the canvas's own pixels
 */
export function drawStroke(pen, stroke) {
  pen.lineCap = pen.lineJoin = "round";
  pen.beginPath();
  pen.moveTo(stroke[0].x, stroke[0].y);
  for (const { x, y } of stroke) {
    pen.lineTo(x, y);
  }
  pen.stroke();
}

/** @param {Uint8ClampedArray} pixels RGBA */
function countedBlocks(pixels) {
  const image = new Array(SIDE * SIDE).fill(0);
  for (let y = 0; y < BITMAP; y++) {
    for (let x = 0; x < BITMAP; x++) {
      const inked = pixels[(y * BITMAP + x) * 4 + 3] > 127;
      image[Math.floor(y / BLOCK) * SIDE + Math.floor(x / BLOCK)] += inked ? 1 : 0;
    }
  }
  return image;
}

/** @param {number[]} values */
function span(values) {
  return [Math.min(...values), Math.max(...values)];
}
