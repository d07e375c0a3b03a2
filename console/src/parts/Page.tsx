// The frame of a page: title, actions, and what is below.
import type { ReactNode } from 'react';

import styles from './Page.module.css';

export function Page({ title, mark, about, actions, children, fill = false }: {
  title: ReactNode; mark?: ReactNode; about?: ReactNode; actions?: ReactNode; children: ReactNode; fill?: boolean;
}) {
  return (
    <div className={`${styles.page} ${fill ? styles.fill : ''}`}>
      <header className={styles.header}>
        <div className={styles.titles}>
          <div className={styles.title}>
            <h1>{title}</h1>
            {mark}
          </div>
          {about && <div className={styles.about}>{about}</div>}
        </div>
        {actions && <div className={styles.actions}>{actions}</div>}
      </header>
      {children}
    </div>
  );
}

export function Card({ title, aside, children, flush = false }: { title?: ReactNode; aside?: ReactNode; children: ReactNode; flush?: boolean }) {
  return (
    <section className={styles.card}>
      {title && (
        <header>
          <h2>{title}</h2>
          {aside && <div className={styles.aside}>{aside}</div>}
        </header>
      )}
      <div className={flush ? styles.flush : styles.content}>{children}</div>
    </section>
  );
}

/** Pairs of a name and a value. */
export function Facts({ facts }: { facts: [string, ReactNode][] }) {
  return (
    <dl className={styles.facts}>
      {facts.map(([name, value], index) => (
        <div key={index}>
          <dt>{breakable(name)}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A name that goes on in the next line after an underscore, not in the middle of a word. */
function breakable(name: string): ReactNode {
  return name.split(/(?<=_)/).flatMap((part, index) => (index === 0 ? [part] : [<wbr key={index} />, part]));
}
