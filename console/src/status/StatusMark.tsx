// A state as shape, colour and word: never by colour alone.
import type { Mark } from './status';
import styles from './StatusMark.module.css';

const SHAPES: Record<Mark, React.ReactNode> = {
  ok: <circle cx="6" cy="6" r="4.4" fill="currentColor" />,
  working: (
    <g fill="none" stroke="currentColor" strokeWidth="1.8" strokeLinecap="round">
      <circle cx="6" cy="6" r="4" opacity="0.28" />
      <path d="M6 2a4 4 0 0 1 4 4" />
    </g>
  ),
  attention: <path d="M6 1.4 11 10.4H1Z" fill="currentColor" strokeLinejoin="round" />,
  failed: <path d="m2.6 2.6 6.8 6.8m0-6.8L2.6 9.4" stroke="currentColor" strokeWidth="2.2" strokeLinecap="round" />,
  idle: <circle cx="6" cy="6" r="3.8" fill="none" stroke="currentColor" strokeWidth="1.5" />,
};

export function StatusGlyph({ mark, size = 12 }: { mark: Mark; size?: number }) {
  return (
    <svg
      className={`${styles.glyph} ${mark === 'working' ? styles.turning : ''}`}
      data-mark={mark}
      width={size}
      height={size}
      viewBox="0 0 12 12"
      aria-hidden="true"
    >
      {SHAPES[mark]}
    </svg>
  );
}

export function StatusMark({ mark, word, pill = false }: { mark: Mark; word: string; pill?: boolean }) {
  return (
    <span className={`${styles.mark} ${pill ? styles.pill : ''}`} data-mark={mark}>
      <StatusGlyph mark={mark} />
      <span>{word}</span>
    </span>
  );
}

/** A row of small squares, one for each thing; many of a kind become a number. */
export function Squares({ marks, label }: { marks: Mark[]; label: string }) {
  const shown = marks.slice(0, 24);
  return (
    <span className={styles.squares} role="img" aria-label={label} title={label}>
      {shown.map((mark, index) => (
        <i key={index} data-mark={mark} />
      ))}
      {marks.length > shown.length && <small>+{marks.length - shown.length}</small>}
    </span>
  );
}
