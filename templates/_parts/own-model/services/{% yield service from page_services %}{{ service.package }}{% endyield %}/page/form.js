import { fieldFor } from "./fields.js";
import { ask, drawBars, percent, showError, showFacts } from "./service.js";

const LONGEST = 5000; // characters of one output that are worth showing

const element = (id) => document.getElementById(id);
const headline = element("headline");
const inputs = JSON.parse(element("inputs").textContent);
const fields = inputs.map(fieldFor);
const throughProxy = element("facts").querySelector("[data-fact=asked]") !== null;

element("fields").append(...fields.map((field) => field.element));

element("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const body = Object.fromEntries(inputs.map((input, place) => [input.field, fields[place].value()]));
    show(await ask("predict", body));
  } catch (error) {
    wipe();
    showError(element("error"), error.message);
  }
});

function show(reply) {
  wipe();
  const outputs = { ...reply.answer };
  for (const aside of ["model_version", ...(throughProxy ? ["route", "failed", "answered", "missing"] : [])]) {
    delete outputs[aside]; // stands below, in the facts
  }
  const { label, probabilities } = outputs;
  const scored = probabilities && label !== undefined && !Array.isArray(probabilities);
  if (scored) {
    const best = document.createElement("strong");
    best.textContent = label;
    headline.append(best, percent(probabilities[label]));
    drawBars(element("bars"), Object.entries(probabilities));
  } else {
    showOutputs(outputs);
  }
  headline.hidden = !scored;
  showFacts(element("facts"), reply);
}

function showOutputs(outputs) {
  for (const [name, value] of Object.entries(outputs)) {
    const text = JSON.stringify(value);
    const term = document.createElement("dt");
    term.textContent = name;
    const detail = document.createElement("dd");
    detail.textContent = text.length > LONGEST ? `${text.slice(0, LONGEST)} … (${text.length} characters)` : text;
    element("outputs").append(term, detail);
  }
}

function wipe() {
  headline.replaceChildren();
  drawBars(element("bars"), []);
  element("outputs").replaceChildren();
  element("facts").hidden = true;
  showError(element("error"), "");
}
