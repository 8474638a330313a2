import { SIDE, drawStroke, imageOf } from "./ink.js";
import { ask, drawBars, percent, showError, showFacts } from "./service.js";

const PEN = 0.07; // of the pad's width
const NONE = Array.from({ length: 10 }, (_, digit) => [String(digit), 0]);

const element = (id) => document.getElementById(id);
const pad = element("pad");
const headline = element("headline");

/** @type {{x: number, y: number}[][]} */
let strokes = [];
/** @type {number[] | null} */
let example = null; // an image that was not drawn here
let examples = [];
let shown = 0;
let busy = false;
let waiting = null;
let cleared = 0; // how often: an answer that comes after the clearing is not shown

pad.addEventListener("pointerdown", (event) => {
  event.preventDefault();
  pad.setPointerCapture(event.pointerId);
  example = null;
  strokes.push([pointOf(event)]);
  changed();
});

pad.addEventListener("pointermove", (event) => {
  if (!pad.hasPointerCapture(event.pointerId)) {
    return;
  }
  const between = event.getCoalescedEvents?.() ?? [];
  strokes.at(-1).push(...(between.length ? between : [event]).map(pointOf));
  changed();
});

element("clear").addEventListener("click", clear);
element("example").addEventListener("click", showExample);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

function pointOf(event) {
  const place = pad.getBoundingClientRect();
  return { x: (event.clientX - place.left) / place.width, y: (event.clientY - place.top) / place.height };
}

function changed() {
  redraw();
  read(imageOf(strokes));
}

function clear() {
  strokes = [];
  example = null;
  waiting = null;
  cleared += 1;
  redraw();
  drawSeen(new Array(SIDE * SIDE).fill(0));
  drawBars(element("bars"), NONE);
  headline.textContent = "Nothing is drawn yet.";
  showError(element("error"), "");
  element("facts").hidden = true;
}

async function showExample() {
  if (!examples.length) {
    examples = await (await fetch("examples.json")).json();
  }
  strokes = [];
  example = examples[shown++ % examples.length].image;
  redraw();
  read(example);
}

/** Ask about the newest image; while one answer is on its way, only the last image waits. */
async function read(image) {
  drawSeen(image);
  waiting = image;
  if (busy) {
    return;
  }
  busy = true;
  while (waiting) {
    const asked = waiting;
    const before = cleared;
    waiting = null;
    try {
      const reply = await ask("predict", { image: asked });
      if (before === cleared) {
        show(reply);
      }
    } catch (error) {
      showError(element("error"), error.message);
    }
  }
  busy = false;
}

function show(reply) {
  const { label, probabilities } = reply.answer;
  const best = document.createElement("strong");
  best.textContent = label;
  headline.replaceChildren(best, percent(probabilities[label]));
  drawBars(element("bars"), Object.entries(probabilities));
  showFacts(element("facts"), reply);
  showError(element("error"), "");
}

function redraw() {
  const pen = pad.getContext("2d");
  pen.clearRect(0, 0, pad.width, pad.height);
  pen.strokeStyle = pen.fillStyle = getComputedStyle(pad).color;
  pen.lineWidth = PEN * pad.width;
  for (const stroke of strokes) {
    drawStroke(pen, stroke.map(({ x, y }) => ({ x: x * pad.width, y: y * pad.height })));
  }
  if (example) {
    drawGreys(pen, example);
  }
}

function drawGreys(pen, image) {
  const step = pad.width / SIDE;
  image.forEach((grey, place) => {
    pen.globalAlpha = grey / 16;
    pen.fillRect((place % SIDE) * step, Math.floor(place / SIDE) * step, step, step);
  });
  pen.globalAlpha = 1;
}

function drawSeen(image) {
  const seen = element("seen").getContext("2d");
  const pixels = seen.createImageData(SIDE, SIDE);
  image.forEach((grey, place) => {
    const tone = 255 - Math.round((grey / 16) * 255);
    pixels.data.set([tone, tone, tone, 255], place * 4);
  });
  seen.putImageData(pixels, 0, 0);
}

clear();
