/**
 * HTML that cannot be broken by what is put into it: a template escapes every value that is not markup already.
 *
 * @module
 */

/** Text that is HTML. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What a template takes; a list is put in item by item. */
export type HtmlValue = string | number | Markup | readonly HtmlValue[];

/** Build markup from a template: strings among the values are text, not HTML. */
export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Markup {
  return new Markup(parts.reduce((text, part, n) => text + render(values[n - 1]!) + part));
}

/** A value as JSON that may stand inside a `script` element: no text in it can end the element. */
export function scriptJson(value: unknown): Markup {
  return new Markup(JSON.stringify(value).replaceAll("<", "\\u003c"));
}

function render(value: HtmlValue): string {
  if (value instanceof Markup) return value.text;
  if (typeof value === "string") return value.replace(/[&<>"']/g, (character) => ENTITIES[character]!);
  return typeof value === "number" ? String(value) : value.map(render).join("");
}

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
