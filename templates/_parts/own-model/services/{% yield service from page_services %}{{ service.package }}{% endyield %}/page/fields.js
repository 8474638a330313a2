// One control for each input of the model: a number, a text, a tick, JSON, or, where there is too much to type, a filling.

/** @typedef {{name: string, field: string, datatype: string, axes: (string|number)[], row_shape: number[], sample_shape: number[], example: unknown}} Input */

const FILLINGS = {
  zeros: () => 0,
  ones: () => 1,
  "noise from 0 to 1": Math.random,
};

/**
 * @param {Input} input
 * @returns {{element: HTMLElement, value: () => unknown}} `value` throws an Error that names the field
 */
export function fieldFor(input) {
  const [control, value] = controlFor(input);
  control.id = `field-${input.field}`;
  const label = document.createElement("label");
  label.htmlFor = control.id;
  label.textContent = input.name;
  const hint = document.createElement("small");
  hint.id = `${control.id}-hint`;
  const sizes = input.row_shape.map((size) => (size < 0 ? "any" : size));
  hint.textContent = `${input.datatype}, ${sizes.length ? `shape [${sizes.join(", ")}]` : "one value"}`;
  control.setAttribute("aria-describedby", hint.id);
  const element = document.createElement("div");
  element.className = "field";
  element.append(label, hint, control);
  return { element, value: () => checked(input, control, value) };
}

/**
 * @param {Input} input
 * @returns {[HTMLElement, () => unknown]}
 */
function controlFor(input) {
  if (input.example === null) {
    return filling(input);
  }
  if (input.row_shape.length) {
    return json(input);
  }
  if (input.datatype === "BOOL") {
    return tick(input);
  }
  return input.datatype === "BYTES" ? text(input) : number(input);
}

function filling(input) {
  const control = document.createElement("select");
  for (const name of Object.keys(FILLINGS)) {
    control.add(new Option(`${input.sample_shape.join(" × ")} values: ${name}`, name));
  }
  const whole = !input.datatype.startsWith("FP");
  const leaf = () => (whole ? Math.round(FILLINGS[control.value]()) : FILLINGS[control.value]());
  const typed = { BOOL: () => Boolean(leaf()), BYTES: () => String(leaf()) }[input.datatype] ?? leaf;
  return [control, () => filled(input.sample_shape, typed)];
}

function json(input) {
  const control = document.createElement("textarea");
  control.spellcheck = false;
  control.defaultValue = JSON.stringify(input.example);
  return [control, () => JSON.parse(control.value)];
}

function tick(input) {
  const control = document.createElement("input");
  control.type = "checkbox";
  control.defaultChecked = Boolean(input.example);
  return [control, () => control.checked];
}

function text(input) {
  const control = document.createElement("input");
  control.defaultValue = String(input.example);
  return [control, () => control.value];
}

function number(input) {
  const control = document.createElement("input");
  control.inputMode = "decimal";
  control.defaultValue = String(input.example);
  return [control, () => JSON.parse(control.value)];
}

function checked(input, control, value) {
  try {
    control.removeAttribute("aria-invalid");
    return value();
  } catch {
    control.setAttribute("aria-invalid", "true");
    control.focus();
    throw new Error(`${input.name}: this is no JSON value.`);
  }
}

/** Nested lists of a shape. */
function filled(shape, leaf) {
  if (!shape.length) {
    return leaf();
  }
  return Array.from({ length: shape[0] }, () => filled(shape.slice(1), leaf));
}
