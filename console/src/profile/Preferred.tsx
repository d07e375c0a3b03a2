// Makes the console as its user prefers it.
import { useMantineColorScheme } from '@mantine/core';
import { useNavigate, useRouterState } from '@tanstack/react-router';
import { useEffect } from 'react';

import { take, usePreferences } from './preferences';

/** Whether the page after signing in has been shown: whoever goes home later means it. */
let landed = false;

export function Preferred() {
  const preferences = usePreferences();
  const { setColorScheme } = useMantineColorScheme();
  const navigate = useNavigate();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const known = preferences.data;
  useEffect(() => {
    if (!known) return;
    take(known);
    setColorScheme(known.theme);
  }, [known, setColorScheme]);
  useEffect(() => {
    if (!known || landed) return;
    landed = true;
    if (path === '/' && known.landing !== '/') void navigate({ to: known.landing, replace: true });
  }, [known, path, navigate]);
  return null;
}
