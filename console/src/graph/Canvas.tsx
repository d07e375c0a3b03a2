// A plane that can be moved and scaled: by dragging, by the wheel, and by its buttons.
import { ActionIcon, Tooltip } from '@mantine/core';
import { Maximize, Minus, Plus } from 'lucide-react';
import { useCallback, useEffect, useRef, useState, type ReactNode } from 'react';

import { t } from '../i18n/t';
import styles from './Canvas.module.css';

interface View {
  x: number;
  y: number;
  scale: number;
}

export function Canvas({ width, height, label, children, onBackground, tools }: {
  width: number; height: number; label: string; children: ReactNode; onBackground?: () => void; tools?: ReactNode;
}) {
  const frame = useRef<HTMLDivElement>(null);
  const [view, setView] = useState<View>({ x: 0, y: 0, scale: 1 });
  const [touched, setTouched] = useState(false);
  const drag = useRef<{ x: number; y: number; moved: boolean } | null>(null);

  const fit = useCallback(() => {
    const box = frame.current?.getBoundingClientRect();
    if (!box || width === 0) return;
    const whole = Math.min(1.15, (box.width - 56) / width, (box.height - 56) / height);
    // What would be too small to read begins at its corner instead.
    const scale = Math.max(whole, Math.min(0.5, (box.width - 56) / width, 200 / Math.sqrt(width + height)));
    const start = (room: number, size: number) => (size * scale <= room - 40 ? (room - size * scale) / 2 : 28);
    setView({ scale, x: start(box.width, width), y: start(box.height, height) });
  }, [width, height]);

  useEffect(() => {
    if (touched || !frame.current) return;
    const observer = new ResizeObserver(fit);
    observer.observe(frame.current);
    return () => observer.disconnect();
  }, [fit, touched]);

  const zoom = useCallback((factor: number, at?: { x: number; y: number }) => {
    setTouched(true);
    const box = frame.current?.getBoundingClientRect();
    const point = at ?? { x: (box?.width ?? 0) / 2, y: (box?.height ?? 0) / 2 };
    setView((old) => {
      const scale = Math.min(2.5, Math.max(0.08, old.scale * factor));
      const ratio = scale / old.scale;
      return { scale, x: point.x - (point.x - old.x) * ratio, y: point.y - (point.y - old.y) * ratio };
    });
  }, []);

  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      const box = element.getBoundingClientRect();
      zoom(Math.exp(-event.deltaY * 0.0015), { x: event.clientX - box.left, y: event.clientY - box.top });
    };
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, [zoom]);

  return (
    <div className={styles.frame}>
      <div
        className={styles.canvas}
        ref={frame}
        role="group"
        aria-label={label}
        onPointerDown={(event) => {
          if ((event.target as Element).closest('button, a')) return;
          drag.current = { x: event.clientX, y: event.clientY, moved: false };
          event.currentTarget.setPointerCapture(event.pointerId);
        }}
        onPointerMove={(event) => {
          const from = drag.current;
          if (!from) return;
          const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
          if (!from.moved && Math.abs(dx) + Math.abs(dy) < 4) return;
          drag.current = { x: event.clientX, y: event.clientY, moved: true };
          setTouched(true);
          setView((old) => ({ ...old, x: old.x + dx, y: old.y + dy }));
        }}
        onPointerUp={() => {
          if (drag.current && !drag.current.moved) onBackground?.();
          drag.current = null;
        }}
      >
        <div className={styles.plane} style={{ width, height, transform: `translate(${view.x}px, ${view.y}px) scale(${view.scale})` }}>
          {children}
        </div>
      </div>
      <div className={styles.tools}>
        {tools}
        <Tool label={t('Zoom in')} act={() => zoom(1.25)}><Plus size={15} /></Tool>
        <Tool label={t('Zoom out')} act={() => zoom(0.8)}><Minus size={15} /></Tool>
        <Tool label={t('Show all')} act={() => { setTouched(false); fit(); }}><Maximize size={14} /></Tool>
      </div>
    </div>
  );
}

export function Tool({ label, act, children }: { label: string; act: () => void; children: ReactNode }) {
  return (
    <Tooltip label={label} position="left">
      <ActionIcon variant="default" size="md" onClick={act} aria-label={label}>{children}</ActionIcon>
    </Tooltip>
  );
}

/** The heads of arrows. */
export function ArrowHeads({ id }: { id: string }) {
  return (
    <defs>
      {['plain', 'lit'].map((kind) => (
        <marker key={kind} id={`${id}-${kind}`} viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse" className={styles[kind]}>
          <path d="M0.8 0.8 6.8 4 0.8 7.2Z" />
        </marker>
      ))}
    </defs>
  );
}
