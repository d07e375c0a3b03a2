// Signing in. The page that was wanted stays in the address, and is there afterwards.
import { Button, PasswordInput, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import { api, ApiError, data } from '../api/client';
import { signIn } from '../api/session';
import mark from '../frame/mark.svg';
import { t } from '../i18n/t';
import styles from './SignIn.module.css';

export function SignIn({ done }: { done: () => void }) {
  const version = useQuery({ queryKey: ['version'], queryFn: () => data(api.GET('/version', {})), retry: false });
  const shown = (version.data as { version?: string } | undefined)?.version;
  return (
    <main className={styles.page}>
      <div className={styles.card}>
        <div className={styles.brand}>
          <img src={mark} alt="" />
          <div>
            <h1>Nephele</h1>
            <p>{t('Sign in to your manager')}</p>
          </div>
        </div>
        <SignInForm done={done} />
      </div>
      <p className={styles.foot}>{location.host}{shown ? ` · ${t('speaks the REST API of {version}', { version: shown })}` : ''}</p>
    </main>
  );
}

export function SignInForm({ done, name: known = '' }: { done: () => void; name?: string }) {
  const [name, setName] = useState(known);
  const [password, setPassword] = useState('');
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const [caps, setCaps] = useState(false);
  const submit = async (event: React.FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem('');
    try {
      await signIn(name, password);
      done();
    } catch (error) {
      const refused = error instanceof ApiError && error.status === 401;
      setProblem(refused ? t('Name or password is wrong, or the account is locked.') : String((error as Error).message));
      setBusy(false);
    }
  };
  return (
    <form className={styles.form} onSubmit={(event) => void submit(event)}>
      <TextInput label={t('Name')} size="md" value={name} onChange={(event) => setName(event.currentTarget.value)} autoComplete="username" required withAsterisk={false} autoFocus={!known} />
      <PasswordInput
        label={t('Password')}
        size="md"
        value={password}
        onChange={(event) => setPassword(event.currentTarget.value)}
        onKeyUp={(event) => setCaps(event.getModifierState('CapsLock'))}
        description={caps ? t('Caps Lock is on') : undefined}
        autoComplete="current-password"
        required
        withAsterisk={false}
        autoFocus={Boolean(known)}
      />
      {problem && <p className={styles.problem} role="alert">{problem}</p>}
      <Button type="submit" size="md" loading={busy} fullWidth>{t('Sign in')}</Button>
    </form>
  );
}
