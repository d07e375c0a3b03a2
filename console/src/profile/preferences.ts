// What a user prefers: kept by the manager, so that it is the same in every browser.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useSyncExternalStore } from 'react';

import { api, data } from '../api/client';
import { setZone } from '../i18n/time';

export interface Preferences {
  theme: 'auto' | 'light' | 'dark';
  /** In which zone times are told. */
  zone: 'local' | 'utc';
  /** The page after signing in. */
  landing: string;
  /** Whether letters are keys. */
  keys: boolean;
  dense: boolean;
}

export const USUAL: Preferences = { theme: 'auto', zone: 'local', landing: '/', keys: true, dense: false };

const KEY = ['preferences'];

/** What is kept, as far as it is understood; the rest is as usual. */
export function read(kept: Record<string, unknown>): Preferences {
  const one = <T>(name: keyof Preferences, words: T[]): T => (words.includes(kept[name] as T) ? kept[name] as T : USUAL[name] as T);
  const landing = typeof kept['landing'] === 'string' && kept['landing'].startsWith('/') ? kept['landing'] : USUAL.landing;
  return {
    theme: one('theme', ['auto', 'light', 'dark'] as Preferences['theme'][]), zone: one('zone', ['local', 'utc'] as Preferences['zone'][]),
    landing, keys: one('keys', [true, false]), dense: one('dense', [true, false]),
  };
}

export function usePreferences(enabled = true) {
  return useQuery({
    queryKey: KEY,
    enabled,
    staleTime: Infinity,
    queryFn: async () => read((await data(api.GET('/user/preferences', {}))).preferences as Record<string, unknown>),
  });
}

/** Keeps some of them anew; at once here, and then with the manager. */
export function useSave() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (change: Partial<Preferences>) => {
      const next = { ...(client.getQueryData<Preferences>(KEY) ?? USUAL), ...change };
      client.setQueryData(KEY, next);
      return data(api.PUT('/user/preferences', { body: { preferences: next as unknown as Record<string, never> } }));
    },
    onError: () => client.invalidateQueries({ queryKey: KEY }),
  });
}

let present: Preferences = USUAL;
const watchers = new Set<() => void>();

/** From now on the console is as preferred. */
export function take(preferences: Preferences): void {
  present = preferences;
  setZone(preferences.zone === 'utc');
  watchers.forEach((watcher) => watcher());
}

/** What is preferred, for what is drawn by it. */
export function usePresent(): Preferences {
  return useSyncExternalStore((watcher) => {
    watchers.add(watcher);
    return () => watchers.delete(watcher);
  }, () => present);
}

export function preferred(): Preferences {
  return present;
}
