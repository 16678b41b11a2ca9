// Making elements, icons and times.

const ICONS = {
  play: "M7 4.5v15l13-7.500z",
  pause: "M7 5h3.500v14H7zM13.500 5H17v14h-3.500z",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
  close: "M6 6l12 12M18 6 6 18",
  words: "M4 7h16M4 12h10M4 17h13",
  scissors: "M8.500 8.500 20 18M8.500 15.500 20 6M9 6.500a2.500 2.500 0 1 1-5 0 2.500 2.500 0 0 1 5 0zM9 17.500a2.500 2.500 0 1 1-5 0 2.500 2.500 0 0 1 5 0z",
  crop: "M7 3v14h14M3 7h14v14",
  again: "M20 11a8 8 0 1 0-2.300 6M20 5v6h-6",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
};

/** Return an element: `make("p", {class: "a", onclick: f}, "text", child)`. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Return an icon by its name; it says nothing to a screen reader. */
export function icon(name, className = "") {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  if (className) svg.setAttribute("class", className);
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** Return a small button with an icon and a word. */
export function tool(name, label, onclick, title = label) {
  return make("button", { type: "button", title, onclick }, icon(name), label);
}

/** Return seconds as people write them: 0:07.3 */
export function clock(seconds, digits = 1) {
  const whole = Math.floor(seconds / 60);
  return `${whole}:${(seconds - 60 * whole).toFixed(digits).padStart(digits ? 3 + digits : 2, "0")}`;
}
