// Text that somebody types and that is taken over a moment after the last key, from and to a value that others change too.
// Whoever leaves the field has it taken at once: what they do next is not undone by what they typed before.
import { useCallback, useEffect, useRef, useState } from 'react';

/** How long after the last key, in milliseconds. */
const PAUSE = 250;

export function useTyped(value: string, take: (text: string) => void) {
  const [text, setText] = useState(value);
  const input = useRef<HTMLInputElement>(null);
  const said = useRef(new Set<string>());
  useEffect(() => {
    // What was typed a moment ago comes back: by now somebody may have typed more.
    const isEcho = said.current.has(value) && document.activeElement === input.current;
    if (!isEcho) setText(value);
  }, [value]);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const give = useCallback(() => {
    clearTimeout(timer.current);
    if (text === value) return;
    said.current.add(text);
    take(text);
  }, [text, value, take]);
  useEffect(() => {
    timer.current = setTimeout(give, PAUSE);
    return () => clearTimeout(timer.current);
  }, [give]);
  return { text, setText, input, leave: give };
}
