// Making and updating nodes. Text only ever becomes text: nothing here parses markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes and children; null children are left out. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(node, name, value);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** An icon of _icons.html; decoration only, the words stand beside it. */
export function icon(name, size = 16) {
  const node = svg("svg", { width: size, height: size, "aria-hidden": "true" });
  node.append(svg("use", { href: `#${name}` }));
  return node;
}

export function svg(tag, attributes = {}) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(node, name, value);
  return node;
}

/** Set, or remove for false and null; touches the page only when something changed. */
export function setAttribute(node, name, value) {
  if (value === false || value === null || value === undefined) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
  } else if (node.getAttribute(name) !== String(value)) {
    node.setAttribute(name, String(value));
  }
}

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Make `parent` show `items` in order, keeping the node of each key. `make` gives a node with a
 *  method `draw(item)`. */
export function drawList(parent, items, keyOf, make) {
  const kept = new Map();
  for (const node of [...parent.children]) {
    if (node.dataset.key === undefined) node.remove();
    else kept.set(node.dataset.key, node);
  }
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    let node = kept.get(key);
    if (node) kept.delete(key);
    else {
      node = make(item);
      node.dataset.key = key;
    }
    node.draw(item);
    if (node === place) place = place.nextElementSibling;
    else parent.insertBefore(node, place);
  }
  for (const gone of kept.values()) gone.remove();
}

/** Show one sentence instead of a list. */
export function drawEmpty(parent, tag, words) {
  const only = parent.firstElementChild;
  if (parent.children.length === 1 && only.dataset.key === undefined) setText(only, words);
  else parent.replaceChildren(el(tag, { class: "empty" }, words));
}

/** A device's name in its hue; hatched if emulated, dashed if absent. */
export function chip(name = "") {
  const node = el("span", { class: "chip" }, name);
  node.draw = ({ device, emulated = false, present = true }) => {
    setAttribute(node, "data-device", device.split(".")[0].toLowerCase());
    setAttribute(node, "data-emulated", emulated ? "" : null);
    setAttribute(node, "data-present", present ? null : "no");
    setAttribute(node, "title", emulated ? `${device}, emulated on the CPU` : null);
    setText(node, device || "none");
  };
  return node;
}

/** A state's shape and word. */
export function stateMark() {
  const use = svg("use");
  const shape = svg("svg", { width: 10, height: 10, "aria-hidden": "true" });
  const word = el("span");
  shape.append(use);
  const node = el("span", { class: "state" }, shape, word);
  node.draw = (state, words = state) => {
    setAttribute(node, "data-state", state);
    setAttribute(use, "href", `#s-${state}`);
    setText(word, words);
  };
  return node;
}
