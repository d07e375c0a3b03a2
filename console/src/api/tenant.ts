// The tenant that the console is in. It is no secret, and outlives the session.
import { useSyncExternalStore } from 'react';

const KEY = 'nephele.tenant';
const listeners = new Set<() => void>();
/** Unit tests run without a browser. */
const inBrowser = typeof location !== 'undefined';
let current = (inBrowser && (new URLSearchParams(location.search).get('tenant') ?? localStorage.getItem(KEY))) || 'default_tenant';

// An address that names a tenant leads into it, and the next page is in it as well.
if (inBrowser) localStorage.setItem(KEY, current);

export function tenant(): string {
  return current;
}

export function setTenant(name: string): void {
  current = name;
  localStorage.setItem(KEY, name);
  listeners.forEach((listener) => listener());
}

export function useTenant(): string {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, tenant);
}
