// Texts: the English text is its own key. A language is a table from it to another text, loaded before the first paint.

export type Words = Record<string, string | number>;

let table: Record<string, string> = {};

/** Takes another language's table. */
export function speak(texts: Record<string, string>): void {
  table = texts;
}

/** A text, with `{name}` replaced by values. */
export function t(text: string, words: Words = {}): string {
  const chosen = table[text] ?? text;
  return chosen.replace(/\{(\w+)\}/g, (whole, name: string) => (name in words ? String(words[name]) : whole));
}

/** A count with its noun: `n(2, 'run', 'runs')`. */
export function n(count: number, one: string, many: string): string {
  return `${count.toLocaleString('en')} ${t(count === 1 ? one : many)}`;
}
