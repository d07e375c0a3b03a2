// Keys: `g` and a letter go somewhere, `/` searches the list, `?` shows the keys. Not while somebody types.
import { useNavigate } from '@tanstack/react-router';
import { useEffect } from 'react';

import { preferred } from '../profile/preferences';

export const PLACES: { key: string; to: string; label: string }[] = [
  { key: 'h', to: '/', label: 'Home' },
  { key: 'd', to: '/deployments', label: 'Deployments' },
  { key: 'r', to: '/runs', label: 'Runs' },
  { key: 'e', to: '/events', label: 'Events' },
  { key: 'b', to: '/blueprints', label: 'Blueprints' },
  { key: 'p', to: '/plugins', label: 'Plugins' },
  { key: 's', to: '/secrets', label: 'Secrets' },
  { key: 'u', to: '/users', label: 'Users' },
  { key: 'y', to: '/system', label: 'System' },
];

/** Whether a letter is a key now: nobody types it into something. */
export function mayBeKey(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement;
  const typed = /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.isContentEditable;
  return preferred().keys && !typed && !event.ctrlKey && !event.metaKey && !event.altKey;
}

/** How long the second key may take. */
const PATIENCE = 1200;
let going = 0;

/** Whether the next letter says where to go. */
export const isGoing = (): boolean => Date.now() - going < PATIENCE;

export function useKeys(showKeys: () => void): void {
  const navigate = useNavigate();
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key === 'Escape') leaveFilter(event.target as HTMLElement);
      if (!mayBeKey(event)) return;
      if (isGoing()) {
        going = 0;
        const place = PLACES.find((one) => one.key === event.key);
        if (place) {
          event.preventDefault();
          void navigate({ to: place.to });
        }
        return;
      }
      if (event.key === 'g') going = Date.now();
      else if (event.key === '?') showKeys();
      else if (event.key === '/') focus(event, '[data-filter]');
      else if ((event.key === 'j' || event.key === 'k') && !takesLetters(event.target as HTMLElement)) focus(event, '[data-list]');
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [navigate, showKeys]);
}

/** Whether what has the focus does something of its own with letters, as lists and menus do. */
function takesLetters(target: HTMLElement): boolean {
  return target.matches('[data-list]') || target.closest('[role=dialog], [role=menu], [role=listbox], [role=tree]') !== null;
}

/** From what filters a list back to its keys. */
function leaveFilter(target: HTMLElement): void {
  if (target.matches('input[data-filter]')) target.blur();
}

function focus(event: KeyboardEvent, selector: string): void {
  // Boxes in a list choose its rows; the list itself takes keys.
  const found =
    document.querySelector<HTMLElement>(`input${selector}, ${selector} input:not([type=checkbox])`) ?? document.querySelector<HTMLElement>(selector);
  if (!found) return;
  event.preventDefault();
  found.focus();
}
